import { request } from "node:http";

/**
 * A small client of LXD's (and Incus') REST API over its local socket: only what the sandbox uses, without a process
 * for each call.
 */

interface LxdAnswer {
  readonly type: "sync" | "async" | "error";
  readonly error?: string;
  readonly error_code?: number;
  readonly metadata?: unknown;
  readonly operation?: string;
}

export class LxdError extends Error {
  constructor(
    message: string,
    public readonly code: number,
  ) {
    super(message);
  }
}

const NOT_FOUND = 404;
/** Longest any one operation may take: unpacking the image on a slow disk. */
const OPERATION_SECONDS = 300;

export class Lxd {
  constructor(
    private readonly socket: string,
    /** The project that every call with instances, images and profiles goes to. */
    public readonly project: string,
  ) {}

  private send(
    method: string,
    path: string,
    body?: unknown,
    content?: { stream: NodeJS.ReadableStream; headers: Record<string, string> },
  ): Promise<LxdAnswer> {
    return new Promise((resolve, reject) => {
      const separator = path.includes("?") ? "&" : "?";
      const call = request(
        {
          socketPath: this.socket,
          method,
          path: `/1.0${path}${separator}project=${this.project}`,
          headers: content?.headers ?? { "content-type": "application/json" },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString("utf8");
            try {
              resolve(JSON.parse(text) as LxdAnswer);
            } catch {
              reject(new Error(`LXD answered ${method} ${path} with ${response.statusCode ?? 0}: ${text.slice(0, 200)}`));
            }
          });
        },
      );
      call.on("error", (error) => {
        reject(new Error(`LXD cannot be reached at ${this.socket}: ${error.message}`));
      });
      if (content !== undefined) content.stream.pipe(call);
      else call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  private async settle(what: string, answer: LxdAnswer): Promise<unknown> {
    if (answer.type === "error") throw new LxdError(`${what}: ${answer.error ?? "unknown error"}`, answer.error_code ?? 0);
    if (answer.type === "sync" || answer.operation === undefined) return answer.metadata;
    const path = answer.operation.replace("/1.0", "").replace(/\?.*$/, "");
    const ended = await this.send("GET", `${path}/wait?timeout=${OPERATION_SECONDS}`);
    const operation = ended.metadata as { status: string; err?: string; metadata?: unknown } | undefined;
    if (ended.type === "error" || operation?.status !== "Success") {
      throw new LxdError(`${what}: ${operation?.err ?? ended.error ?? `still running after ${OPERATION_SECONDS} s`}`, 0);
    }
    return operation.metadata;
  }

  async get(path: string): Promise<unknown> {
    return this.settle(`reading ${path}`, await this.send("GET", path));
  }

  /** As `get`; undefined when there is no such thing. */
  async find(path: string): Promise<unknown> {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof LxdError && error.code === NOT_FOUND) return undefined;
      throw error;
    }
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return this.settle(`creating in ${path}`, await this.send("POST", path, body));
  }

  async put(path: string, body: unknown): Promise<unknown> {
    return this.settle(`changing ${path}`, await this.send("PUT", path, body));
  }

  async patch(path: string, body: unknown): Promise<unknown> {
    return this.settle(`changing ${path}`, await this.send("PATCH", path, body));
  }

  /** Nothing happens when there is no such thing. */
  async remove(path: string): Promise<void> {
    try {
      await this.settle(`removing ${path}`, await this.send("DELETE", path));
    } catch (error) {
      if (!(error instanceof LxdError) || error.code !== NOT_FOUND) throw error;
    }
  }

  async upload(path: string, stream: NodeJS.ReadableStream, headers: Record<string, string>): Promise<unknown> {
    return this.settle(`uploading to ${path}`, await this.send("POST", path, undefined, { stream, headers }));
  }
}

/** An instance as far as the sandbox cares. */
export interface Instance {
  readonly name: string;
  readonly status: string;
  readonly config: Readonly<Record<string, string>>;
  readonly devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export async function listInstances(lxd: Lxd): Promise<readonly Instance[]> {
  return (await lxd.get("/instances?recursion=1")) as Instance[];
}

export async function findInstance(lxd: Lxd, name: string): Promise<Instance | undefined> {
  return (await lxd.find(`/instances/${name}`)) as Instance | undefined;
}

/** Starts or stops; a machine that does not stop by itself in time is ended, with no grace at once. */
export async function setState(lxd: Lxd, name: string, action: "start" | "stop", graceSeconds = 30): Promise<void> {
  if (action === "stop" && graceSeconds === 0) {
    await lxd.put(`/instances/${name}/state`, { action, force: true });
    return;
  }
  try {
    await lxd.put(`/instances/${name}/state`, { action, timeout: graceSeconds });
  } catch (error) {
    if (action === "start") throw error;
    const left = await findInstance(lxd, name);
    if (left?.status === "Running") await lxd.put(`/instances/${name}/state`, { action, timeout: graceSeconds, force: true });
  }
}
