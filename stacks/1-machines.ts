import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { GROUP_NAMES } from "../sizing/tiers";
import type { PlatformSecrets } from "../src/config/load";
import type { PlatformConfig } from "../src/config/schema";
import type { Hypervisor } from "../src/machines/hypervisor";
import { Machine } from "../src/machines/machine";
import { Vsphere } from "../src/machines/vsphere";
import { environmentName } from "../src/machines/vsphere-import";
import { Authority } from "../src/pki/authority";
import type { PlatformPlan } from "../src/plan/platform-plan";

export interface MachinesArgs {
  readonly config: PlatformConfig;
  readonly secrets: PlatformSecrets;
  readonly plan: PlatformPlan;
}

/** What `pulumi stack output machines` says of each machine. */
export interface MachineOutput {
  readonly name: string;
  readonly address: string;
  readonly hostKey: string;
  readonly verified: Readonly<Record<string, string>>;
}

/** Layer 1: every machine of the plan, cloned, prepared and verified; all of them at once. */
export class Machines extends pulumi.ComponentResource {
  /** By machine name. */
  public readonly machines: ReadonlyMap<string, Machine>;
  public readonly authority: Authority;
  public readonly deployKey: tls.PrivateKey;
  public readonly summary: pulumi.Output<readonly MachineOutput[]>;

  constructor(name: string, args: MachinesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:layer:Machines", name, {}, opts);
    const { config, secrets, plan } = args;

    this.authority = new Authority("authority", { config, secrets }, { parent: this });
    this.deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" }, { parent: this, protect: true });
    const hypervisor = this.hypervisor(config, secrets);

    this.machines = new Map(
      plan.machines.map((machine) => [
        machine.name,
        new Machine(
          machine.name,
          { machine, config, plan, hypervisor, deployKey: this.deployKey, rootCertificate: this.authority.rootCertificate },
          { parent: this },
        ),
      ]),
    );
    this.spreadGroups(plan, hypervisor);

    this.summary = pulumi.all(
      [...this.machines].map(([machineName, { address, hostKey, verified }]) =>
        pulumi
          .all([address, hostKey, verified])
          .apply(([ip, key, report]): MachineOutput => ({ name: machineName, address: ip, hostKey: key, verified: report })),
      ),
    );
    this.registerOutputs({ summary: this.summary });
  }

  /** vSphere is the one hypervisor so far; a second one is a second case here. */
  private hypervisor(config: PlatformConfig, secrets: PlatformSecrets): Hypervisor {
    const { zones, hypervisor } = config;
    return new Vsphere(
      "vsphere",
      {
        vcenter: hypervisor,
        password: secrets.require("hypervisorPassword"),
        portGroups: { lan: zones.lan.portGroup, infra: zones.infra.portGroup, dmz: zones.dmz.portGroup },
        environment: environmentName(config),
        migrated: config.confirmations.migrated,
      },
      { parent: this },
    );
  }

  private spreadGroups(plan: PlatformPlan, hypervisor: Hypervisor): void {
    for (const group of GROUP_NAMES) {
      const members = plan.machines.filter((machine) => machine.group === group);
      const machines = members.flatMap((machine) => this.machines.get(machine.name)?.virtualMachine ?? []);
      if (machines.length > 1) hypervisor.keepApart(group, machines, this);
    }
  }
}
