// Proves that the local @pulumi/vsphere uses only names and type tokens of the official provider's schema, and its version.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(__dirname, "../../..");
const sdk = readFileSync(join(ROOT, "sdks/vsphere/index.ts"), "utf8");
const schema = JSON.parse(readFileSync(join(ROOT, "sandbox/plugins/vsphere-schema.json"), "utf8")) as {
  version: string;
  provider: Record<string, unknown>;
  resources: Record<string, { inputs: Record<string, unknown>; outputs: Record<string, unknown>; requiredInputs: string[] }>;
  functions: Record<string, { outputs: Record<string, unknown> }>;
  types: Record<string, { properties: Record<string, unknown>; required: string[] }>;
};

/** Field names of an interface, with a mark on those that may be left out. */
function fields(name: string): Readonly<Record<string, "required" | "optional">> {
  const body = new RegExp(`interface ${name} \\{([^}]*)\\}`).exec(sdk)?.[1] ?? "";
  return Object.fromEntries(
    [...body.matchAll(/^ {2}(?:readonly )?(\w+)(\??):/gm)].map((match) => [match[1] ?? "", match[2] === "?" ? "optional" : "required"]),
  );
}

describe.each([
  ["VirtualMachineArgs", "vsphere:index/virtualMachine:VirtualMachine"],
  ["FolderArgs", "vsphere:index/folder:Folder"],
  ["TagCategoryArgs", "vsphere:index/tagCategory:TagCategory"],
  ["TagArgs", "vsphere:index/tag:Tag"],
  ["ComputeClusterVmAntiAffinityRuleArgs", "vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule"],
])("%s", (name, token) => {
  it(`has inputs of ${token} only, and requires what it requires`, () => {
    const official = schema.resources[token];
    const found = fields(name);
    expect(Object.keys(found).length).toBeGreaterThan(0);
    expect(Object.keys(found).filter((key) => !Object.hasOwn(official?.inputs ?? {}, key))).toEqual([]);
    expect(
      Object.keys(found)
        .filter((key) => found[key] === "required")
        .sort(),
    ).toEqual([...(official?.requiredInputs ?? [])].sort());
    expect(sdk).toContain(`"${token}"`);
  });
});

it.each([
  ["VirtualMachineDisk", "vsphere:index/VirtualMachineDisk:VirtualMachineDisk"],
  ["VirtualMachineNetworkInterface", "vsphere:index/VirtualMachineNetworkInterface:VirtualMachineNetworkInterface"],
  ["VirtualMachineClone", "vsphere:index/VirtualMachineClone:VirtualMachineClone"],
])("%s has properties of %s only", (name, token) => {
  const found = fields(name);
  expect(Object.keys(found).filter((key) => !Object.hasOwn(schema.types[token]?.properties ?? {}, key))).toEqual([]);
  expect(Object.keys(found).filter((key) => found[key] === "required")).toEqual(schema.types[token]?.required);
});

it.each(["Datacenter", "Datastore", "ComputeCluster", "Network", "VirtualMachine"])("get%s returns outputs of the official one", (name) => {
  const token = `vsphere:index/get${name}:get${name}`;
  const found = Object.keys(fields(`Get${name}Result`));
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((key) => !Object.hasOwn(schema.functions[token]?.outputs ?? {}, key))).toEqual([]);
  expect(sdk).toContain(`"${token}"`);
});

it("names the same provider options and the same version", () => {
  expect(Object.keys(fields("ProviderArgs")).filter((key) => !Object.hasOwn(schema.provider, key))).toEqual([]);
  expect(sdk).toContain(`const VERSION = "${schema.version}";`);
  expect((JSON.parse(readFileSync(join(ROOT, "sdks/vsphere/package.json"), "utf8")) as { version: string }).version).toBe(schema.version);
});
