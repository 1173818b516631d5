import type * as pulumi from "@pulumi/pulumi";
import type { PlannedMachine } from "../plan/platform-plan";

/** What cloud-init gives a machine at birth; the user data holds its SSH host key and is secret. */
export interface BirthData {
  readonly metadata: string;
  readonly userData: pulumi.Output<string>;
}

/** A machine as the hypervisor knows it. */
export interface VirtualMachine {
  readonly resource: pulumi.CustomResource;
  /** Changes exactly when the machine is another one, so what was done inside the old one must be done again. */
  readonly identity: pulumi.Output<string>;
}

/**
 * What the platform asks of a hypervisor. Sizes come from the plan; each implementation turns them into its own
 * arguments and keeps three promises: a removed machine's data disk stays, a machine that holds data is protected,
 * and machines of one group stand on different hosts where the hypervisor has enough of them.
 */
export interface Hypervisor {
  /** Clones one machine from the template, sized, attached to its zone's network, booted with `birth`. */
  createMachine(machine: PlannedMachine, birth: BirthData, parent: pulumi.Resource): VirtualMachine;
  /** Keeps these machines of one group on different hosts. */
  keepApart(group: string, machines: readonly VirtualMachine[], parent: pulumi.Resource): void;
}
