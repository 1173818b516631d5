import * as pulumi from "@pulumi/pulumi";

/**
 * A local SDK in the shape of the official @pulumi/vsphere 4.18.2: same module, class, argument and output names, type
 * tokens, plugin name and version; only what this platform uses. `npm install @pulumi/vsphere` takes its place without
 * touching an import. Names and types were taken from the official provider's schema; the tests compare them with it.
 */

const VERSION = "4.18.2";

function withVersion<Options extends pulumi.CustomResourceOptions | pulumi.InvokeOptions>(opts: Options | undefined): Options {
  return { version: VERSION, ...opts } as Options;
}

export interface ProviderArgs {
  allowUnverifiedSsl?: pulumi.Input<boolean>;
  apiTimeout?: pulumi.Input<number>;
  password: pulumi.Input<string>;
  persistSession?: pulumi.Input<boolean>;
  user: pulumi.Input<string>;
  vsphereServer?: pulumi.Input<string>;
}

export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs, opts?: pulumi.ResourceOptions) {
    const text = (value: pulumi.Input<string | number | boolean> | undefined): pulumi.Output<string> | undefined =>
      value === undefined ? undefined : pulumi.output(value).apply((each) => JSON.stringify(each));
    super(
      "vsphere",
      name,
      {
        allowUnverifiedSsl: text(args.allowUnverifiedSsl),
        apiTimeout: text(args.apiTimeout),
        password: pulumi.secret(args.password),
        persistSession: text(args.persistSession),
        user: args.user,
        vsphereServer: args.vsphereServer,
      },
      pulumi.mergeOptions(
        withVersion<pulumi.CustomResourceOptions>(undefined),
        pulumi.mergeOptions({ additionalSecretOutputs: ["password"] }, opts),
      ),
    );
  }
}

export interface VirtualMachineDisk {
  attach?: pulumi.Input<boolean>;
  diskMode?: pulumi.Input<string>;
  eagerlyScrub?: pulumi.Input<boolean>;
  keepOnRemove?: pulumi.Input<boolean>;
  label: pulumi.Input<string>;
  path?: pulumi.Input<string>;
  size?: pulumi.Input<number>;
  thinProvisioned?: pulumi.Input<boolean>;
  unitNumber?: pulumi.Input<number>;
}

export interface VirtualMachineNetworkInterface {
  adapterType?: pulumi.Input<string>;
  networkId: pulumi.Input<string>;
}

export interface VirtualMachineClone {
  linkedClone?: pulumi.Input<boolean>;
  templateUuid: pulumi.Input<string>;
  timeout?: pulumi.Input<number>;
}

export interface VirtualMachineArgs {
  annotation?: pulumi.Input<string>;
  clone?: pulumi.Input<VirtualMachineClone>;
  cpuHotAddEnabled?: pulumi.Input<boolean>;
  datastoreId?: pulumi.Input<string>;
  disks?: pulumi.Input<pulumi.Input<VirtualMachineDisk>[]>;
  enableDiskUuid?: pulumi.Input<boolean>;
  eptRviMode?: pulumi.Input<string>;
  extraConfig?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  extraConfigRebootRequired?: pulumi.Input<boolean>;
  firmware?: pulumi.Input<string>;
  folder?: pulumi.Input<string>;
  forcePowerOff?: pulumi.Input<boolean>;
  guestId?: pulumi.Input<string>;
  hvMode?: pulumi.Input<string>;
  memory?: pulumi.Input<number>;
  memoryHotAddEnabled?: pulumi.Input<boolean>;
  name?: pulumi.Input<string>;
  networkInterfaces?: pulumi.Input<pulumi.Input<VirtualMachineNetworkInterface>[]>;
  numCoresPerSocket?: pulumi.Input<number>;
  numCpus?: pulumi.Input<number>;
  resourcePoolId: pulumi.Input<string>;
  scsiType?: pulumi.Input<string>;
  shutdownWaitTimeout?: pulumi.Input<number>;
  tags?: pulumi.Input<pulumi.Input<string>[]>;
  waitForGuestIpTimeout?: pulumi.Input<number>;
  waitForGuestNetTimeout?: pulumi.Input<number>;
}

export class VirtualMachine extends pulumi.CustomResource {
  declare public readonly defaultIpAddress: pulumi.Output<string>;
  declare public readonly moid: pulumi.Output<string>;
  declare public readonly name: pulumi.Output<string>;
  declare public readonly powerState: pulumi.Output<string>;
  declare public readonly uuid: pulumi.Output<string>;

  constructor(name: string, args: VirtualMachineArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { defaultIpAddress: undefined, moid: undefined, powerState: undefined, uuid: undefined };
    super("vsphere:index/virtualMachine:VirtualMachine", name, { ...outputs, ...args }, withVersion(opts));
  }
}

export interface FolderArgs {
  datacenterId?: pulumi.Input<string>;
  path: pulumi.Input<string>;
  type: pulumi.Input<string>;
}

export class Folder extends pulumi.CustomResource {
  declare public readonly path: pulumi.Output<string>;

  constructor(name: string, args: FolderArgs, opts?: pulumi.CustomResourceOptions) {
    super("vsphere:index/folder:Folder", name, { ...args }, withVersion(opts));
  }
}

export interface TagCategoryArgs {
  associableTypes: pulumi.Input<pulumi.Input<string>[]>;
  cardinality: pulumi.Input<string>;
  description?: pulumi.Input<string>;
  name?: pulumi.Input<string>;
}

export class TagCategory extends pulumi.CustomResource {
  constructor(name: string, args: TagCategoryArgs, opts?: pulumi.CustomResourceOptions) {
    super("vsphere:index/tagCategory:TagCategory", name, { ...args }, withVersion(opts));
  }
}

export interface TagArgs {
  categoryId: pulumi.Input<string>;
  description?: pulumi.Input<string>;
  name?: pulumi.Input<string>;
}

export class Tag extends pulumi.CustomResource {
  constructor(name: string, args: TagArgs, opts?: pulumi.CustomResourceOptions) {
    super("vsphere:index/tag:Tag", name, { ...args }, withVersion(opts));
  }
}

export interface ComputeClusterVmAntiAffinityRuleArgs {
  computeClusterId: pulumi.Input<string>;
  enabled?: pulumi.Input<boolean>;
  mandatory?: pulumi.Input<boolean>;
  name?: pulumi.Input<string>;
  virtualMachineIds: pulumi.Input<pulumi.Input<string>[]>;
}

export class ComputeClusterVmAntiAffinityRule extends pulumi.CustomResource {
  constructor(name: string, args: ComputeClusterVmAntiAffinityRuleArgs, opts?: pulumi.CustomResourceOptions) {
    super("vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule", name, { ...args }, withVersion(opts));
  }
}

interface NamedLookupArgs {
  name: pulumi.Input<string>;
  datacenterId?: pulumi.Input<string>;
}

export interface GetDatacenterResult {
  readonly id: string;
  readonly name?: string;
}

export interface GetDatastoreResult {
  readonly id: string;
  readonly name: string;
}

export interface GetComputeClusterResult {
  readonly id: string;
  readonly name: string;
  readonly resourcePoolId: string;
}

export interface GetNetworkResult {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

export interface GetVirtualMachineResult {
  readonly id: string;
  readonly firmware?: string;
  readonly guestId: string;
  readonly scsiType: string;
  readonly uuid: string;
}

function lookup<Result>(token: string, args: pulumi.Inputs, opts?: pulumi.InvokeOptions): pulumi.Output<Result> {
  return pulumi.runtime.invokeOutput<Result>(token, args, withVersion(opts));
}

export function getDatacenterOutput(
  args: { name?: pulumi.Input<string> },
  opts?: pulumi.InvokeOptions,
): pulumi.Output<GetDatacenterResult> {
  return lookup("vsphere:index/getDatacenter:getDatacenter", args, opts);
}

export function getDatastoreOutput(args: NamedLookupArgs, opts?: pulumi.InvokeOptions): pulumi.Output<GetDatastoreResult> {
  return lookup("vsphere:index/getDatastore:getDatastore", { ...args }, opts);
}

export function getComputeClusterOutput(args: NamedLookupArgs, opts?: pulumi.InvokeOptions): pulumi.Output<GetComputeClusterResult> {
  return lookup("vsphere:index/getComputeCluster:getComputeCluster", { ...args }, opts);
}

export function getNetworkOutput(args: NamedLookupArgs, opts?: pulumi.InvokeOptions): pulumi.Output<GetNetworkResult> {
  return lookup("vsphere:index/getNetwork:getNetwork", { ...args }, opts);
}

export function getVirtualMachineOutput(args: NamedLookupArgs, opts?: pulumi.InvokeOptions): pulumi.Output<GetVirtualMachineResult> {
  return lookup("vsphere:index/getVirtualMachine:getVirtualMachine", { ...args }, opts);
}
