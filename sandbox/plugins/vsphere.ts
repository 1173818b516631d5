import { readFacts } from "../sandbox";
import { Lxd } from "../lxd";
import { projectName, sandboxFolder } from "../sandbox";
import { serve } from "./plugin-server";
import type { Properties, ResourceKind } from "./plugin-server";
import { MACHINE_TOKEN, machineKind } from "./vsphere-machine";
import { objectKind } from "./vsphere-objects";
import { checkFunction, checkProvider, checkResource } from "./vsphere-schema";

/**
 * Stand-in for the vsphere plugin 4.18.2. In a sandbox (SANDBOX_NAME) a VirtualMachine is an LXD instance. Without one
 * it serves previews only: its inventory then agrees with whatever is asked, and it refuses to create anything.
 */

/** What `Pulumi.sandbox.yaml` may name. */
const INVENTORY: Readonly<Record<string, readonly string[]>> = {
  getDatacenter: ["sandbox"],
  getDatastore: ["sandbox"],
  getComputeCluster: ["sandbox"],
  getNetwork: ["lan", "infra", "dmz"],
  getVirtualMachine: ["debian"],
};

const OBJECTS: Readonly<Record<string, "name" | "path">> = {
  "vsphere:index/folder:Folder": "path",
  "vsphere:index/tagCategory:TagCategory": "name",
  "vsphere:index/tag:Tag": "name",
  "vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule": "name",
};

const RESULTS: Readonly<Record<string, (name: string) => Properties>> = {
  getDatacenter: (name) => ({ id: `datacenter-${name}`, name, virtualMachines: [] }),
  getDatastore: (name) => ({ id: `datastore-${name}`, name }),
  getComputeCluster: (name) => ({ id: `cluster-${name}`, name, resourcePoolId: `pool-${name}` }),
  getNetwork: (name) => ({ id: `network-${name}`, name, type: "Network" }),
  getVirtualMachine: (name) => ({
    id: `template-${name}`,
    name,
    uuid: `template-${name}`,
    guestId: "debian12_64Guest",
    firmware: "efi",
    scsiType: "pvscsi",
  }),
};

function lookup(kind: string, isSandbox: boolean): (args: Properties) => Promise<Properties> {
  return (args) => {
    const refused = checkFunction(`vsphere:index/${kind}:${kind}`, args).filter((failure) => failure.property !== "version");
    if (refused.length > 0) throw new Error(refused.map((failure) => failure.reason).join("; "));
    const name = String(args["name"]);
    if (isSandbox && INVENTORY[kind]?.includes(name) !== true) {
      throw new Error(`error fetching ${kind.replace("get", "").toLowerCase()}: "${name}" not found`);
    }
    return Promise.resolve(RESULTS[kind]?.(name) ?? {});
  };
}

function previewOnly(token: string): ResourceKind {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new Error(
        "this stand-in for vsphere only serves previews: install the official plugin (pulumi plugin install resource vsphere 4.18.2)",
      ),
    );
  return { check: (inputs) => checkResource(token, inputs), diff: () => ({ changed: [], replaces: [] }), create: refuse, delete: refuse };
}

function resources(): Readonly<Record<string, ResourceKind>> {
  const name = process.env["SANDBOX_NAME"];
  const facts = name === undefined ? undefined : readFacts(name);
  if (facts === undefined) return Object.fromEntries([MACHINE_TOKEN, ...Object.keys(OBJECTS)].map((token) => [token, previewOnly(token)]));
  return {
    [MACHINE_TOKEN]: machineKind(new Lxd(facts.socket, projectName(facts.name)), facts),
    ...Object.fromEntries(
      Object.entries(OBJECTS).map(([token, nameKey]) => [token, objectKind(token, sandboxFolder(facts.name), nameKey)]),
    ),
  };
}

serve({
  name: "vsphere",
  version: "4.18.2",
  resources: resources(),
  functions: Object.fromEntries(
    Object.keys(RESULTS).map((kind) => [`vsphere:index/${kind}:${kind}`, lookup(kind, process.env["SANDBOX_NAME"] !== undefined)]),
  ),
  checkConfig: checkProvider,
});
