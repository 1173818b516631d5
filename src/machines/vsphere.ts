import * as pulumi from "@pulumi/pulumi";
import * as vsphere from "@pulumi/vsphere";
import { holdsData } from "../../sizing/plan";
import type { Zone } from "../../sizing/tiers";
import { MIB_PER_GIB } from "../../sizing/units";
import type { VsphereConfig } from "../config/schema";
import type { PlannedMachine } from "../plan/platform-plan";
import { DATA_DISK, dataDiskGuard } from "./data-disk-guard";
import type { BirthData, Hypervisor, VirtualMachine } from "./hypervisor";

export interface VsphereArgs {
  readonly vcenter: VsphereConfig;
  readonly password: pulumi.Output<string>;
  /** Port group of each zone. */
  readonly portGroups: Readonly<Record<Zone, string>>;
  /** Goes into names that must be unique in vCenter. */
  readonly environment: string;
  /** Machines that may lose their data disk. */
  readonly migrated: readonly string[];
}

/** Minutes a clone may take: a big template on slow storage. */
const CLONE_MINUTES = 30;
/** Minutes a guest may take to shut down. It is never forced off: etcd and Vault write until the end. */
const SHUTDOWN_MINUTES = 10;

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

/** The data disk is a disk of the machine, since the provider grows such a one live; removed, it stays in its datastore. */
function disksOf(machine: PlannedMachine): vsphere.VirtualMachineDisk[] {
  const thin = { thinProvisioned: true, eagerlyScrub: false };
  const system = { label: "system", unitNumber: 0, size: machine.osDiskGb, ...thin };
  const data = { label: DATA_DISK, unitNumber: 1, size: machine.dataDiskGb, keepOnRemove: true, ...thin };
  return machine.dataDiskGb === 0 ? [system] : [system, data];
}

/** Machines on VMware vSphere: one folder and tag for the environment, clones of one template, DRS rules by group. */
export class Vsphere extends pulumi.ComponentResource implements Hypervisor {
  private readonly provider: vsphere.Provider;
  private readonly cluster: pulumi.Output<vsphere.GetComputeClusterResult>;
  private readonly datastore: pulumi.Output<vsphere.GetDatastoreResult>;
  private readonly template: pulumi.Output<vsphere.GetVirtualMachineResult>;
  private readonly networks: Readonly<Record<Zone, pulumi.Output<vsphere.GetNetworkResult>>>;
  private readonly folder: vsphere.Folder;
  private readonly tag: vsphere.Tag;
  private readonly guard: pulumi.ResourceHook;

  constructor(
    name: string,
    private readonly args: VsphereArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("platform:machines:Vsphere", name, {}, opts);
    const { vcenter } = args;
    this.provider = new vsphere.Provider(
      name,
      { vsphereServer: vcenter.server, user: vcenter.user, password: args.password },
      { parent: this },
    );

    const invoke = { parent: this, provider: this.provider };
    const datacenterId = vsphere.getDatacenterOutput({ name: vcenter.datacenter }, invoke).id;
    const network = (zone: Zone): pulumi.Output<vsphere.GetNetworkResult> =>
      vsphere.getNetworkOutput({ name: args.portGroups[zone], datacenterId }, invoke);
    this.cluster = vsphere.getComputeClusterOutput({ name: vcenter.cluster, datacenterId }, invoke);
    this.datastore = vsphere.getDatastoreOutput({ name: vcenter.datastore, datacenterId }, invoke);
    this.template = vsphere.getVirtualMachineOutput({ name: vcenter.template, datacenterId }, invoke);
    this.networks = { lan: network("lan"), infra: network("infra"), dmz: network("dmz") };

    this.folder = new vsphere.Folder(`${name}-folder`, { path: vcenter.folder, type: "vm", datacenterId }, invoke);
    const category = new vsphere.TagCategory(
      `${name}-tag-category`,
      {
        name: `platform-${args.environment}`,
        cardinality: "SINGLE",
        associableTypes: ["VirtualMachine"],
        description: "Machines of the platform",
      },
      invoke,
    );
    this.tag = new vsphere.Tag(`${name}-tag`, { name: args.environment, categoryId: category.id }, invoke);
    this.guard = dataDiskGuard(args.migrated);
    this.registerOutputs({ folder: this.folder.path });
  }

  createMachine(machine: PlannedMachine, birth: BirthData, parent: pulumi.Resource): VirtualMachine {
    const resource = new vsphere.VirtualMachine(
      machine.name,
      {
        name: machine.name,
        annotation: `${machine.roles.join(", ")}; managed by Pulumi, environment ${this.args.environment}`,
        resourcePoolId: this.cluster.resourcePoolId,
        datastoreId: this.datastore.id,
        folder: this.folder.path,
        tags: [this.tag.id],
        guestId: this.template.guestId,
        firmware: this.template.apply((template) => template.firmware ?? "bios"),
        scsiType: this.template.scsiType,
        numCpus: machine.vcpu,
        memory: machine.memoryGib * MIB_PER_GIB,
        // Growing is live only if this was on before the machine grew.
        cpuHotAddEnabled: true,
        memoryHotAddEnabled: true,
        // Left unset, the provider sees a change in these two for ever and restarts the machine on every update.
        hvMode: "hvAuto",
        eptRviMode: "automatic",
        enableDiskUuid: true,
        disks: disksOf(machine),
        networkInterfaces: [{ networkId: this.networks[machine.zone].id, adapterType: "vmxnet3" }],
        clone: { templateUuid: this.template.uuid, timeout: CLONE_MINUTES },
        extraConfig: {
          "guestinfo.metadata": base64(birth.metadata),
          "guestinfo.metadata.encoding": "base64",
          "guestinfo.userdata": birth.userData.apply(base64),
          "guestinfo.userdata.encoding": "base64",
        },
        extraConfigRebootRequired: false,
        forcePowerOff: false,
        shutdownWaitTimeout: SHUTDOWN_MINUTES,
        // The probe over SSH knows better than VMware Tools when the machine is there.
        waitForGuestIpTimeout: 0,
        waitForGuestNetTimeout: 0,
      },
      {
        parent,
        provider: this.provider,
        protect: holdsData(machine),
        hooks: { beforeUpdate: [this.guard] },
        // A new template is no reason to replace a machine, nor to switch it off for other firmware; birth data counts once, and is
        // cleared after first boot.
        ignoreChanges: ["clone", "extraConfig", "guestId", "firmware", "scsiType"],
        additionalSecretOutputs: ["extraConfig"],
        // Two machines cannot hold one name and one address.
        deleteBeforeReplace: true,
        customTimeouts: { create: `${CLONE_MINUTES + 15}m`, update: "30m", delete: "30m" },
      },
    );
    return { resource, identity: resource.uuid };
  }

  keepApart(group: string, machines: readonly VirtualMachine[], parent: pulumi.Resource): void {
    new vsphere.ComputeClusterVmAntiAffinityRule(
      `${group}-apart`,
      {
        name: `platform-${this.args.environment}-${group}`,
        computeClusterId: this.cluster.id,
        virtualMachineIds: machines.map((machine) => machine.resource.id),
        // Fewer hosts than machines must not keep a machine from starting.
        mandatory: false,
      },
      { parent, provider: this.provider },
    );
  }
}
