import { setTimeout as delay } from "node:timers/promises";
import { isRecord } from "../../src/shared/json";
import { KubernetesApi } from "./kubernetes-api";
import { checkNames, diffInputs, isUnknown, sameValue, serve } from "./plugin-server";
import type { Failure, Properties, ResourceKind } from "./plugin-server";

/**
 * Stand-in for the kubernetes plugin: any kind the API server knows, by server-side apply with strict validation of fields. Releases of
 * Helm and kinds whose readiness the real plugin waits for are refused until the platform needs them.
 */

const PROVIDER_INPUTS = ["kubeconfig", "clusterIdentifier", "enableServerSideApply", "enableSecretMutable", "version"];
const MANAGER = "pulumi-kubernetes";
const DELETE_SECONDS = 300;

/** What the real plugin waits for, each in its own way, which nothing of the platform has needed yet. */
const AWAITED = ["DaemonSet", "Deployment", "Ingress", "Job", "PersistentVolumeClaim", "Pod", "ReplicaSet", "Service", "StatefulSet"];

let api: KubernetesApi | undefined;

function cluster(): KubernetesApi {
  if (api === undefined) throw new Error("the kubernetes provider has no kubeconfig");
  return api;
}

interface Meta {
  readonly name?: string;
  readonly namespace?: string;
}

function metaOf(object: Properties): Meta {
  return isRecord(object["metadata"]) ? object["metadata"] : {};
}

/** `kubernetes:core/v1:Secret` is kind Secret of version v1. */
function kindOf(type: string): { apiVersion: string; kind: string } {
  const [, version = "", kind = ""] = type.split(":");
  return { apiVersion: version.replace(/^core\//, ""), kind };
}

function bare(object: Properties): Properties {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !key.startsWith("__")));
}

async function pathOf(inputs: Properties): Promise<string> {
  const { path, namespaced } = await cluster().kind(String(inputs["apiVersion"]), String(inputs["kind"]));
  const { name, namespace } = metaOf(inputs);
  return `${namespaced ? path.replace("{namespace}", namespace ?? "default") : path}/${String(name)}`;
}

function idOf(inputs: Properties): string {
  const { name, namespace } = metaOf(inputs);
  return namespace === undefined ? String(name) : `${namespace}/${String(name)}`;
}

async function apply(inputs: Properties): Promise<Properties> {
  const query = `fieldManager=${MANAGER}&fieldValidation=Strict`;
  return cluster().must("PATCH", `${await pathOf(inputs)}?${query}`, bare(inputs), "application/apply-patch+yaml");
}

/** What `wanted` asks for as it is in the live object now. */
function project(wanted: unknown, live: unknown): unknown {
  if (Array.isArray(wanted) && Array.isArray(live)) {
    return live.length === wanted.length ? wanted.map((each, index) => project(each, live[index])) : live;
  }
  if (!isRecord(wanted) || !isRecord(live)) return live;
  return Object.fromEntries(Object.entries(wanted).map(([key, value]) => [key, project(value, live[key])]));
}

/** A Secret's plain texts are kept encoded, under another name. */
function encoded(inputs: Properties): Properties {
  if (!isRecord(inputs["stringData"])) return inputs;
  const { stringData, data, ...rest } = inputs;
  const plain = Object.entries(stringData as Properties).map(([key, value]) => [key, Buffer.from(String(value)).toString("base64")]);
  return { ...rest, data: { ...(isRecord(data) ? data : {}), ...(Object.fromEntries(plain) as Properties) } };
}

function kind(type: string): ResourceKind {
  const { apiVersion, kind: name } = kindOf(type);
  return {
    check: (inputs) => {
      const wrong: Failure[] = [];
      if (AWAITED.includes(name) || apiVersion.startsWith("helm.sh/")) {
        wrong.push({ property: "kind", reason: `the sandbox's stand-in for kubernetes does not wait for a ${name} yet` });
      }
      if (inputs["apiVersion"] !== apiVersion || inputs["kind"] !== name) {
        wrong.push({ property: "kind", reason: `is ${String(inputs["kind"])} of ${String(inputs["apiVersion"])}, not ${type}` });
      }
      if (metaOf(inputs).name === undefined) {
        wrong.push({ property: "metadata.name", reason: "is missing: the stand-in makes up no names" });
      }
      return wrong;
    },
    diff: (inputs, oldInputs) => {
      const moved = ["name", "namespace"].some((key) => {
        const [now, before] = [metaOf(inputs)[key as keyof Meta], metaOf(oldInputs)[key as keyof Meta]];
        return !isUnknown(now) && !sameValue(now, before);
      });
      const { changed } = diffInputs(inputs, oldInputs);
      return { changed, replaces: moved ? ["metadata"] : changed.filter((key) => ["apiVersion", "kind"].includes(key)) };
    },
    create: async (inputs) => ({ id: idOf(inputs), state: await apply(inputs) }),
    update: (_, inputs) => apply(inputs),
    read: async (id, inputs) => {
      const [name = "", namespace] = id.split("/").reverse();
      const wanted = Object.keys(inputs).length > 0 ? inputs : { apiVersion, kind: kindOf(type).kind, metadata: { name, namespace } };
      const { status, body } = await cluster().send("GET", await pathOf(wanted));
      if (status === 404) return undefined;
      if (status !== 200) throw new Error(`reading ${id}: ${String(body["message"])} (${status})`);
      const { stringData } = wanted as { stringData?: unknown };
      const found = project(encoded(wanted), body) as Properties;
      // Unchanged, a Secret's texts stay as they were given.
      const now = stringData !== undefined && sameValue(found, encoded(wanted)) ? wanted : found;
      return { id, inputs: now, state: body };
    },
    delete: async (id, state) => {
      const path = await pathOf(state);
      const { status, body } = await cluster().send("DELETE", path, { propagationPolicy: "Foreground" });
      if (status === 404) return;
      if (status >= 300) throw new Error(`removing ${id}: ${String(body["message"])} (${status})`);
      const end = Date.now() + DELETE_SECONDS * 1000;
      while ((await cluster().send("GET", path)).status !== 404) {
        if (Date.now() > end) throw new Error(`${id} was still there ${DELETE_SECONDS} s after its removal began: look at its finalizers`);
        await delay(500);
      }
    },
  };
}

serve({
  name: "kubernetes",
  version: "4.34.2",
  checkConfig: (config) => checkNames(config, PROVIDER_INPUTS, ["kubeconfig"]),
  configure: (config) => {
    api = new KubernetesApi(String(config["kubeconfig"]));
  },
  resources: {},
  anyResource: kind,
});
