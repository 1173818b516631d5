import { readFileSync } from "node:fs";
import { request } from "node:https";
import { checkNames, diffInputs, isUnknown, serve } from "./plugin-server";
import type { Properties, ResourceKind } from "./plugin-server";

/** Stand-in for the vault plugin: the resources the platform uses, over the real server's HTTP API with verified TLS. */

const PROVIDER_INPUTS = ["address", "authLogin", "caCertFile", "maxLeaseTtlSeconds", "maxRetries", "skipChildToken", "version"];
const SECONDS = 30;

let settings: Properties = {};
let login: Promise<string> | undefined;

interface Answer {
  readonly status: number;
  readonly body: { readonly data?: Properties; readonly errors?: readonly string[]; readonly auth?: { readonly client_token: string } };
}

function send(method: string, path: string, body: unknown, token: string | undefined): Promise<Answer> {
  const url = new URL(`/v1/${path}`, String(settings["address"]));
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        method,
        ca: readFileSync(String(settings["caCertFile"])),
        timeout: SECONDS * 1000,
        headers: {
          ...(token === undefined ? {} : { "X-Vault-Token": token }),
          ...(text === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }),
        },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          const answer = Buffer.concat(parts).toString();
          resolve({ status: response.statusCode ?? 0, body: answer.trim() === "" ? {} : (JSON.parse(answer) as Answer["body"]) });
        });
      },
    );
    call.on("timeout", () => call.destroy(new Error(`no answer from ${url.host} within ${SECONDS} s`)));
    call.on("error", reject);
    call.end(text);
  });
}

function failure(method: string, path: string, { status, body }: Answer): Error {
  const reasons = (body.errors ?? []).map((each) => `\n\n* ${each}`).join("");
  return new Error(
    `Error making API request.\n\nURL: ${method} ${String(settings["address"])}/v1/${path}\nCode: ${status}. Errors:${reasons}`,
  );
}

async function logIn(): Promise<string> {
  const { path, parameters } = JSON.parse(String(settings["authLogin"])) as { path: string; parameters: Properties };
  const answer = await send("PUT", path, parameters, undefined);
  if (answer.status !== 200) throw failure("PUT", path, answer);
  return answer.body.auth?.client_token ?? "";
}

/** A call as whoever `authLogin` is; one login serves them all. Undefined when there is no such thing. */
async function call(method: string, path: string, body?: unknown): Promise<Properties | undefined> {
  login ??= logIn();
  login.catch(() => (login = undefined));
  const answer = await send(method, path, body, await login);
  if (answer.status === 404 && method === "GET") return undefined;
  if (![200, 204].includes(answer.status)) throw failure(method, path, answer);
  return answer.body.data ?? {};
}

interface Shape {
  readonly known: readonly string[];
  readonly required: readonly string[];
  readonly replacing: readonly string[];
  readonly id: (inputs: Properties) => string;
  readonly write: (inputs: Properties) => Promise<unknown>;
  readonly exists: (id: string) => Promise<boolean>;
  readonly remove: (id: string) => Promise<unknown>;
}

function kind(shape: Shape): ResourceKind {
  return {
    check: (inputs) => checkNames(inputs, shape.known, shape.required),
    diff: (inputs, oldInputs) => diffInputs(inputs, oldInputs, shape.replacing),
    create: async (inputs) => {
      await shape.write(inputs);
      return { id: shape.id(inputs), state: inputs };
    },
    update: async (_id, inputs) => {
      await shape.write(inputs);
      return inputs;
    },
    read: async (id, inputs, state) => ((await shape.exists(id)) ? { id, inputs, state } : undefined),
    delete: async (id) => {
      await shape.remove(id);
    },
  };
}

const text = (inputs: Properties, key: string): string => String(inputs[key]);

const policy = kind({
  known: ["name", "policy"],
  required: ["policy"],
  replacing: ["name"],
  id: (inputs) => text(inputs, "name"),
  write: (inputs) => call("PUT", `sys/policies/acl/${text(inputs, "name")}`, { policy: inputs["policy"] }),
  exists: async (id) => (await call("GET", `sys/policies/acl/${id}`)) !== undefined,
  remove: (id) => call("DELETE", `sys/policies/acl/${id}`),
});

const secret = kind({
  known: ["mount", "name", "dataJson", "customMetadata"],
  required: ["mount"],
  replacing: ["mount", "name"],
  id: (inputs) => `${text(inputs, "mount")}/data/${text(inputs, "name")}`,
  write: async (inputs) => {
    const [at, name] = [text(inputs, "mount"), text(inputs, "name")];
    await call("PUT", `${at}/data/${name}`, { data: JSON.parse(text(inputs, "dataJson")) as unknown, options: {} });
    const { data } = (inputs["customMetadata"] ?? {}) as { data?: unknown };
    if (data !== undefined) await call("PUT", `${at}/metadata/${name}`, { custom_metadata: data });
  },
  exists: async (id) => (await call("GET", id)) !== undefined,
  remove: (id) => call("DELETE", id),
});

serve({
  name: "vault",
  version: "7.8.0",
  checkConfig: (config) => checkNames(config, PROVIDER_INPUTS, ["address"]),
  configure: (config) => {
    settings = Object.fromEntries(Object.entries(config).filter(([, value]) => !isUnknown(value)));
    login = undefined;
  },
  resources: {
    "vault:index/policy:Policy": policy,
    "vault:kv/secretV2:SecretV2": secret,
  },
});
