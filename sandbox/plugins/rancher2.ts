import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { LookupFunction } from "node:net";
import { text as whole } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { gatewayOf, readFacts } from "../sandbox";
import { checkNames, diffInputs, isUnknown, serve } from "./plugin-server";
import type { Failure, Properties, ResourceKind } from "./plugin-server";

/** Stand-in for the rancher2 plugin 13.0.0: the administrator and imported clusters, over Rancher's API with verified TLS. */

const DEFAULT_SECONDS = 120;
const REQUEST_SECONDS = 30;
const CLUSTER_SECONDS = 300;
const RETRY_MS = 5000;
const PROVIDER_INPUTS = ["apiUrl", "bootstrap", "caCerts", "insecure", "timeout", "tokenKey", "version"];
const BOOTSTRAP_DEFAULTS = { initialPassword: "admin", tokenTtl: 0, tokenUpdate: false, uiDefaultLanding: "ember" };
const CLUSTER_FIELDS = ["name", "description", "labels", "annotations", "agentEnvVars", "enableNetworkPolicy", "fleetWorkspaceName"];
const REGISTRATION = [
  ...["id", "clusterId", "name", "manifestUrl", "token", "annotations", "labels", "command", "insecureCommand"],
  ...["nodeCommand", "insecureNodeCommand", "windowsNodeCommand", "insecureWindowsNodeCommand"],
];

type Item = Properties & { readonly id: string; readonly links: { self: string }; readonly actions: Record<string, string> };

/** Rancher said no, with the status in `cause`. Trying again would not help. */
class Refusal extends Error {}

let settings: Properties = {};

const text = (values: Properties, key: string): string => (typeof values[key] === "string" ? values[key] : "");

const seconds = (duration: string): number => Number(/^(\d+)s$/.exec(duration)?.[1] ?? 0);
const patience = (): number => seconds(text(settings, "timeout")) || DEFAULT_SECONDS;

function checkConfig(config: Properties): readonly Failure[] {
  const isBootstrap = config["bootstrap"] === "true";
  const known = (key: string, fitting: (value: string) => boolean): boolean =>
    typeof config[key] !== "string" || isUnknown(config[key]) || fitting(config[key]);
  const rules: readonly (readonly [string, string, boolean])[] = [
    ["bootstrap", "Bootstrap mode activated: tokenKey can not be provided", !isBootstrap || config["tokenKey"] === undefined],
    ["tokenKey", "no tokenKey is provided, and this is not bootstrap mode", isBootstrap || config["tokenKey"] !== undefined],
    ["insecure", "the sandbox's stand-in verifies every server", config["insecure"] !== "true"],
    ["apiUrl", "is to be https://host", known("apiUrl", (url) => /^https:\/\/[^/]+/.test(url))],
    ["caCerts", "is to be a certificate in PEM", known("caCerts", (pem) => pem.includes("-----BEGIN CERTIFICATE-----"))],
    ["timeout", 'is to be seconds, like "60s"', known("timeout", (duration) => seconds(duration) > 0)],
  ];
  const broken = rules.filter(([, , isKept]) => !isKept);
  return [...checkNames(config, PROVIDER_INPUTS, ["apiUrl", "caCerts"]), ...broken.map(([property, reason]) => ({ property, reason }))];
}

/** The platform's names are known to the sandbox's own name server, not to the machine that this runs on. */
function lookupIn(sandbox: string): LookupFunction {
  const facts = readFacts(sandbox);
  if (facts === undefined) throw new Error(`there is no sandbox ${sandbox}`);
  const resolver = new Resolver({ timeout: 5000, tries: 2 });
  resolver.setServers([gatewayOf(facts.slot, "lan")]);
  const entry = (address: string): { address: string; family: number } => ({ address, family: 4 });
  return (host, options, callback) => {
    resolver.resolve4(host, (error, found) => {
      if (error !== null) callback(error, "");
      else if (options.all === true) callback(null, found.map(entry));
      else callback(null, found[0] ?? "", 4);
    });
  };
}

function base(): string {
  if (text(settings, "apiUrl") === "") throw new Error("the provider rancher2 has no apiUrl yet");
  return new URL(text(settings, "apiUrl")).origin;
}

/** `to` is a path, or a link that Rancher gave. */
async function send(
  method: string,
  to: string,
  token?: string,
  body?: unknown,
): Promise<{ status: number; said: string; schemas: unknown }> {
  const url = new URL(to, base());
  const sandbox = process.env["SANDBOX_NAME"];
  const content = body === undefined ? "" : JSON.stringify(body);
  const headers: Record<string, string | number> = { Accept: "application/json", "Content-Length": Buffer.byteLength(content) };
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(REQUEST_SECONDS * 1000);
  const where = { ca: text(settings, "caCerts"), ...(sandbox === undefined ? {} : { lookup: lookupIn(sandbox) }) };
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { method, agent: false, signal, headers, ...where }, resolve)
        .on("error", reject)
        .end(content);
    });
    return { status: answer.statusCode ?? 0, said: await whole(answer), schemas: answer.headers["x-api-schemas"] };
  } catch (error) {
    if (signal.aborted) throw new Error(`no answer from ${url.host} within ${REQUEST_SECONDS} s`, { cause: error });
    throw error;
  }
}

async function call(method: string, to: string, token: string, body?: unknown): Promise<Item> {
  const { status, said, schemas } = await send(method, to, token, body);
  const message = `Bad response statusCode [${status}]. Body: [${said}] from [${method} ${new URL(to, base()).href}]`;
  if (status >= 500) throw new Error(message);
  if (status < 200 || status >= 300) throw new Refusal(message, { cause: status });
  if (to === "/v3" && schemas === undefined) throw new Refusal(`Failed to find schema at [${base()}/v3]`);
  return (said === "" ? {} : JSON.parse(said)) as Item;
}

/** Undefined when there is no such thing, or none that may be seen. */
function find(path: string, token: string): Promise<Item | undefined> {
  return call("GET", path, token).catch((error: unknown) => {
    if (error instanceof Refusal && (error.cause === 403 || error.cause === 404)) return undefined;
    throw error;
  });
}

async function until<T>(what: string, most: number, attempt: () => Promise<T>): Promise<T> {
  const end = Date.now() + most * 1000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (Date.now() + RETRY_MS > end) throw new Error(`waited ${most} s for ${what}: ${String(error)}`, { cause: error });
    }
    await pause(RETRY_MS);
  }
}

function ready(): Promise<void> {
  return until(`Rancher at ${base()} to be ready`, patience(), async () => {
    const { status, said } = await send("GET", "/ping");
    if (said !== "pong") throw new Error(`/ping answered ${status}`);
  });
}

/** As every client begins: Rancher answers, and takes the token. */
async function start(token: string): Promise<string> {
  await ready();
  await call("GET", "/v3", token);
  return token;
}

/** A session's token, with the first password that is taken. */
async function logIn(values: Properties): Promise<string> {
  await ready();
  return until(`a login as admin at ${base()}`, patience(), async () => {
    const statuses: number[] = [];
    for (const password of [values["currentPassword"], values["initialPassword"]].filter((each) => each !== undefined)) {
      const body = { type: "localProvider", username: "admin", password, ttl: 60000, description: "Terraform bootstrap admin session" };
      const { status, said } = await send("POST", "/v1-public/login", undefined, body);
      if (status < 300) return text(JSON.parse(said) as Properties, "token");
      statuses.push(status);
    }
    throw new Error(`Doing user login: ${statuses.join(", ")}`);
  });
}

/** The token of the state, else a session's. */
const session = (state: Properties): Promise<string> => start(text(state, "token")).catch(() => logIn(state));
const client = (): Promise<string> => start(text(settings, "tokenKey"));

async function forget(token: string, used: string): Promise<void> {
  const item = await find(`/v3/tokens/${token.split(":")[0] ?? ""}`, used);
  if (item !== undefined) await call("DELETE", item.links.self, used);
}

/** The administrator with the wanted password, and a token that lasts: the old one as long as it does. */
async function secure(inputs: Properties, old: Properties, used: string): Promise<{ readonly id: string; readonly state: Properties }> {
  const landing = text(old, "tokenId") === "" ? { "ui-default-landing": inputs["uiDefaultLanding"] } : {};
  for (const [name, value] of Object.entries({ "server-url": base(), ...landing })) {
    await call("PUT", (await call("GET", `/v3/settings/${name}`, used)).links.self, used, { value });
  }
  const [user] = (await call("GET", "/v3/users?username=admin", used))["data"] as readonly Item[];
  if (user === undefined) throw new Error("Rancher has no user admin");
  let [token, tokenId] = [text(old, "token"), text(old, "tokenId")];
  if (tokenId === "" || inputs["tokenUpdate"] === true || (await isExpired(tokenId, used))) {
    const ttl = Number(inputs["tokenTtl"]) * 1000;
    const body = { userId: user.id, description: "Terraform bootstrap admin token", ...(ttl === 0 ? {} : { ttl }) };
    const made = await call("POST", "/v3/tokens", used, body);
    [token, tokenId] = [text(made, "token"), made.id];
    await start(token);
  }
  await call("POST", user.actions["setpassword"] ?? "", token, { newPassword: inputs["password"] });
  for (const left of new Set([used, text(old, "token")])) if (left !== "" && left !== token) await forget(left, token);
  return { id: user.id, state: await look({ ...inputs, token, tokenId, currentPassword: inputs["password"] }, token) };
}

const isExpired = async (tokenId: string, used: string): Promise<boolean> =>
  (await find(`/v3/tokens/${tokenId}`, used))?.["expired"] !== false;

/** What there is once Rancher calls its own cluster up to date. */
async function look(state: Properties, used: string): Promise<Properties> {
  await until("Rancher's own cluster to be up to date", patience(), async () => {
    const local = await find("/v3/clusters/local", used);
    const conditions = (local?.["conditions"] ?? []) as readonly { type: string; status: string }[];
    const status = conditions.find(({ type }) => type === "Updated")?.status;
    if (local !== undefined && status !== "True") throw new Error(`its condition Updated is ${status ?? "not there"}`);
  });
  const url = text(await call("GET", "/v3/settings/server-url", used), "value");
  return { ...state, tempToken: "", tempTokenId: "", tokenUpdate: await isExpired(text(state, "tokenId"), used), url, user: "admin" };
}

const bootstrap: ResourceKind = {
  check: (inputs) => checkNames(inputs, [...Object.keys(BOOTSTRAP_DEFAULTS), "password"], []),
  diff: (inputs, oldInputs, oldState) => {
    const changed = diffInputs(inputs, oldInputs).changed.filter((key) => key !== "tokenUpdate");
    // Reading sets it once the token has expired: the next update then makes another.
    const isDue = (inputs["tokenUpdate"] ?? false) !== (oldState["tokenUpdate"] ?? false);
    return { changed: [...changed, ...(isDue ? ["tokenUpdate"] : [])], replaces: [] };
  },
  create: async (given) => {
    if (settings["bootstrap"] !== "true") throw new Error("[ERROR] rancher2_bootstrap just available on bootstrap mode");
    const inputs: Properties = { ...BOOTSTRAP_DEFAULTS, password: randomBytes(15).toString("base64url"), ...given };
    return secure(inputs, {}, await start(await logIn(inputs)));
  },
  update: async (_id, given, old) => {
    return (await secure({ ...BOOTSTRAP_DEFAULTS, password: old["password"], ...given }, old, await session(old))).state;
  },
  read: async (id, inputs, state) => {
    // As the real one: whoever cannot log in takes it for gone.
    const used = await session(state).catch(() => undefined);
    if (used === undefined) return undefined;
    const found = await look(state, used);
    if (used !== text(state, "token")) await forget(used, used);
    return { id, inputs, state: found };
  },
  // The administrator stays: only the state forgets.
  delete: () => Promise.resolve(),
};

/** What a cluster is to the program; undefined when it is gone. */
async function seen(id: string, inputs: Properties, state: Properties, token: string): Promise<Properties | undefined> {
  const item = await find(`/v3/clusters/${id}`, token);
  if (item === undefined) return undefined;
  const known = await find(`/v3/clusterregistrationtokens/${id}:default-token`, token);
  const wanted = { clusterId: id, name: "default-token" };
  const registration = known ?? (await call("POST", "/v3/clusterregistrationtokens", token, wanted));
  const kubeConfig = text(state, "kubeConfig") || text(await call("POST", item.actions["generateKubeconfig"] ?? "", token), "config");
  const shown = [...CLUSTER_FIELDS, "driver", "caCert"].filter((key) => item[key] !== undefined && item[key] !== null);
  return {
    ...inputs,
    ...Object.fromEntries(shown.map((key) => [key, item[key]])),
    clusterRegistrationToken: Object.fromEntries(REGISTRATION.map((key) => [key, registration[key] ?? (key.endsWith("s") ? {} : "")])),
    ...{ kubeConfig, defaultProjectId: "", systemProjectId: "", istioEnabled: false, enableClusterIstio: false },
  };
}

/** Waits for one of these states; of others, if `passing` names any, only those are waited out. */
function settled(id: string, wanted: readonly string[], passing: readonly string[], token: string): Promise<void> {
  return until(`cluster ${id} to be ${wanted.join(" or ")} in Rancher`, CLUSTER_SECONDS, async () => {
    const state = text((await find(`/v3/clusters/${id}`, token)) ?? { state: "gone" }, "state");
    if (wanted.includes(state)) return;
    if (passing.length > 0 && !passing.includes(state)) throw new Refusal(`unexpected state '${state}' of cluster ${id}`);
    throw new Error(`it is ${state}`);
  });
}

const cluster: ResourceKind = {
  check: (inputs) => checkNames(inputs, CLUSTER_FIELDS, ["name"]),
  diff: (inputs, oldInputs) => diffInputs(inputs, oldInputs),
  create: async (inputs) => {
    const token = await client();
    const { id } = await call("POST", "/v3/clusters", token, { driver: "imported", enableNetworkPolicy: false, ...inputs });
    await settled(id, ["pending", "active"], [], token);
    return { id, state: (await seen(id, inputs, {}, token)) ?? inputs };
  },
  read: async (id, inputs, state) => {
    const found = await seen(id, inputs, state, await client());
    if (found === undefined) return undefined;
    const fields = Object.keys(inputs).length === 0 ? ["name", "description"] : Object.keys(inputs);
    return { id, inputs: Object.fromEntries(fields.filter((key) => key in found).map((key) => [key, found[key]])), state: found };
  },
  update: async (id, inputs, state) => {
    const token = await client();
    await call("PUT", (await call("GET", `/v3/clusters/${id}`, token)).links.self, token, inputs);
    await settled(id, ["active", "provisioning", "pending"], ["updating", "upgrading"], token);
    return (await seen(id, inputs, state, token)) ?? inputs;
  },
  delete: async (id) => {
    const token = await client();
    const item = await find(`/v3/clusters/${id}`, token);
    if (item !== undefined) await call("DELETE", item.links.self, token);
    await settled(id, ["gone"], ["removing"], token);
  },
};

serve({
  name: "rancher2",
  version: "13.0.0",
  checkConfig,
  configure: (config) => {
    settings = Object.fromEntries(Object.entries(config).filter(([, value]) => !isUnknown(value)));
  },
  resources: { "rancher2:index/bootstrap:Bootstrap": bootstrap, "rancher2:index/cluster:Cluster": cluster },
});
