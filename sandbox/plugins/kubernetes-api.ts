import { Agent, request } from "node:https";
import { parse } from "yaml";
import { isRecord } from "../../src/shared/json";

/** The API server that a kubeconfig names, over verified TLS with the kubeconfig's own certificate. */

const SECONDS = 60;

export interface Answer {
  readonly status: number;
  readonly body: { readonly [key: string]: unknown };
}

export interface ApiKind {
  /** Path of the collection, with `{namespace}` where there is one. */
  readonly path: string;
  readonly namespaced: boolean;
}

interface KubeConfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } }[];
  readonly users: readonly {
    readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string };
  }[];
}

/** What the API server said, in the words operators know from kubectl. */
export class ApiError extends Error {
  constructor(
    public readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export class KubernetesApi {
  private readonly server: string;
  private readonly agent: Agent;
  private readonly kinds = new Map<string, Promise<ApiKind>>();

  constructor(kubeconfig: string) {
    const { clusters, users } = parse(kubeconfig) as KubeConfig;
    const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
    if (cluster === undefined || user === undefined) throw new Error("the kubeconfig names no cluster or no user");
    const decoded = (text: string): Buffer => Buffer.from(text, "base64");
    this.server = cluster.server;
    this.agent = new Agent({
      ca: decoded(cluster["certificate-authority-data"]),
      cert: decoded(user["client-certificate-data"]),
      key: decoded(user["client-key-data"]),
      keepAlive: true,
    });
  }

  /** One call. Any answer is returned, whatever its status. */
  send(method: string, path: string, body?: unknown, contentType = "application/json"): Promise<Answer> {
    const url = new URL(path, this.server);
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const call = request(
        url,
        {
          method,
          agent: this.agent,
          timeout: SECONDS * 1000,
          headers: text === undefined ? {} : { "Content-Type": contentType, "Content-Length": Buffer.byteLength(text) },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("end", () => {
            const answer = Buffer.concat(parts).toString();
            const parsed: unknown = answer.startsWith("{") ? JSON.parse(answer) : { message: answer };
            resolve({ status: response.statusCode ?? 0, body: isRecord(parsed) ? parsed : {} });
          });
        },
      );
      call.on("timeout", () => call.destroy(new Error(`no answer from ${url.host} within ${SECONDS} s`)));
      call.on("error", reject);
      call.end(text);
    });
  }

  /** As `send`, for what must succeed. @throws ApiError */
  async must(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer["body"]> {
    const answer = await this.send(method, path, body, contentType);
    if (answer.status >= 300) throw new ApiError(answer.status, `${method} ${path}: ${String(answer.body["message"])} (${answer.status})`);
    return answer.body;
  }

  /** Where objects of a kind live, by the API server's own list. */
  kind(apiVersion: string, kind: string): Promise<ApiKind> {
    const key = `${apiVersion} ${kind}`;
    const known = this.kinds.get(key);
    if (known !== undefined) return known;
    const found = this.look(apiVersion, kind);
    this.kinds.set(key, found);
    // A kind may be defined later.
    found.catch(() => this.kinds.delete(key));
    return found;
  }

  private async look(apiVersion: string, kind: string): Promise<ApiKind> {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { status, body } = await this.send("GET", root);
    const resources = (status === 200 ? body["resources"] : []) as { name: string; kind: string; namespaced: boolean }[];
    const found = resources.find((each) => each.kind === kind && !each.name.includes("/"));
    if (found === undefined) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
    return { path: `${root}${found.namespaced ? "/namespaces/{namespace}" : ""}/${found.name}`, namespaced: found.namespaced };
  }
}
