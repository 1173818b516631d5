import type { PlatformConfig } from "../config/schema";

/** The name of one environment's objects in vCenter. */
export function environmentName(config: Pick<PlatformConfig, "prefix" | "domain">): string {
  return config.prefix ?? config.domain;
}

/** Inputs of a resource as the state shows them. */
export type RecordedInputs = Readonly<Record<string, unknown>>;

/**
 * The identifier under which `pulumi import` finds a vSphere object that bears a name of its own; undefined for
 * anything else, which can simply be made again. Forms as in the official provider's documentation, section Import.
 */
export function vsphereImportId(config: PlatformConfig, type: string, inputs: RecordedInputs): string | undefined {
  const { datacenter, cluster, folder } = config.hypervisor;
  const name = String(inputs["name"]);
  switch (type) {
    case "vsphere:index/virtualMachine:VirtualMachine":
      return `/${datacenter}/vm/${folder}/${name}`;
    case "vsphere:index/folder:Folder":
      return `/${datacenter}/vm/${String(inputs["path"])}`;
    case "vsphere:index/tagCategory:TagCategory":
      return name;
    case "vsphere:index/tag:Tag":
      return JSON.stringify({ category_name: `platform-${environmentName(config)}`, tag_name: name });
    case "vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule":
      return JSON.stringify({ compute_cluster_path: `/${datacenter}/host/${cluster}`, name });
    default:
      return undefined;
  }
}
