import { setTimeout as delay } from "node:timers/promises";
import { Client } from "ssh2";

/** SSH as the command provider does it: pinned host key, bounded dialling with growing pauses. */

export interface Connection {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  readonly privateKey?: string;
  /** authorized_keys form. Required here: the sandbox never talks to a machine it does not know. */
  readonly hostKey?: string;
  readonly dialErrorLimit?: number;
  readonly perDialTimeout?: number;
}

const KNOWN = ["host", "port", "user", "privateKey", "hostKey", "dialErrorLimit", "perDialTimeout"];

/** What is wrong with a connection; never shows a value. */
export function connectionProblems(connection: unknown): readonly string[] {
  if (typeof connection !== "object" || connection === null) return ["must be an object"];
  const given = Object.keys(connection).filter((key) => !key.startsWith("__"));
  return [
    ...given.filter((key) => !KNOWN.includes(key)).map((key) => `unexpected argument "${key}"`),
    ...(["host", "hostKey", "privateKey"] as const).filter((key) => !given.includes(key)).map((key) => `missing argument "${key}"`),
  ];
}

export interface RemoteResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The provider's own pauses: 0.1 s, each half as long again as the one before, at most 5 s. */
const FIRST_PAUSE_MS = 100;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 5000;

function dialOnce(connection: Connection): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const expected = Buffer.from(connection.hostKey?.split(" ")[1] ?? "", "base64");
    let refused: string | undefined;
    client.on("ready", () => {
      resolve(client);
    });
    client.on("error", (error) => {
      client.end();
      reject(new Error(refused ?? error.message));
    });
    client.connect({
      host: connection.host,
      port: connection.port ?? 22,
      username: connection.user ?? "root",
      privateKey: connection.privateKey ?? "",
      readyTimeout: (connection.perDialTimeout ?? 15) * 1000,
      algorithms: { serverHostKey: ["ssh-ed25519"] },
      hostVerifier: (key: Buffer) => {
        if (key.equals(expected)) return true;
        refused = "the machine at this address has another host key than the pinned one";
        return false;
      },
    });
  });
}

async function dial(connection: Connection): Promise<Client> {
  const limit = connection.dialErrorLimit ?? 10;
  let pause = FIRST_PAUSE_MS;
  for (let failures = 1; ; failures++) {
    try {
      return await dialOnce(connection);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (limit >= 0 && failures > limit) {
        throw new Error(
          `after ${failures} failed attempts: could not reach ${connection.host}:${connection.port ?? 22} over SSH: ${reason}`,
          { cause: error },
        );
      }
    }
    await delay(pause);
    pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS);
  }
}

/** Runs one command with `stdin`, to its end. */
export async function runRemote(connection: Connection, command: string, stdin: string): Promise<RemoteResult> {
  const client = await dial(connection);
  try {
    return await new Promise<RemoteResult>((resolve, reject) => {
      client.on("error", reject);
      client.on("close", () => {
        reject(new Error(`the SSH session to ${connection.host} ended before the command did`));
      });
      client.exec(command, (error, stream) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
        stream.on("data", (chunk: Buffer) => output.stdout.push(chunk));
        stream.stderr.on("data", (chunk: Buffer) => output.stderr.push(chunk));
        stream.on("close", (code: number | null) => {
          resolve({ code: code ?? 255, stdout: Buffer.concat(output.stdout).toString(), stderr: Buffer.concat(output.stderr).toString() });
        });
        stream.end(stdin);
      });
    });
  } finally {
    client.end();
  }
}
