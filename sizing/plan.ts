import { GROUP_NAMES, GROUPS, TIER_SIZES, tierFor } from "./tiers";
import type { ClusterName, Group, Role, Tier, Zone } from "./tiers";

/** Sizes an operator may raise for one machine. Units as in `tiers.ts`. */
export interface SizeOverride {
  readonly vcpu?: number | undefined;
  readonly memoryGib?: number | undefined;
  readonly osDiskGb?: number | undefined;
  readonly dataDiskGb?: number | undefined;
}

export interface SizingInput {
  /** Concurrent users, whole, 1 to 10000. */
  readonly users: number;
  /** Goes before every name with a hyphen; given without it. */
  readonly prefix?: string | undefined;
  /** By machine name, prefix included. Names of no machine are the caller's to refuse. */
  readonly overrides?: Readonly<Record<string, SizeOverride>> | undefined;
}

/** One machine with its size; units as in `tiers.ts`. */
export interface SizedMachine {
  /** Host name: `[<prefix>-]<group><n>`. Identity: it never changes and nothing depends on its position in a list. */
  readonly name: string;
  readonly group: Group;
  /** n in the name, from 1. */
  readonly ordinal: number;
  readonly zone: Zone;
  readonly cluster?: ClusterName;
  readonly vcpu: number;
  readonly memoryGib: number;
  readonly osDiskGb: number;
  /** 0 for a machine without a data disk. */
  readonly dataDiskGb: number;
  readonly roles: readonly Role[];
}

export interface Totals {
  readonly machines: number;
  readonly vcpu: number;
  readonly memoryGib: number;
  readonly osDiskGb: number;
  readonly dataDiskGb: number;
}

export interface SizingPlan {
  readonly users: number;
  readonly tier: Tier;
  readonly machines: readonly SizedMachine[];
  readonly totals: Totals;
}

/** `[<prefix>-]<name>`: the one rule by which machines and services are named. */
export function prefixed(prefix: string | undefined, name: string): string {
  return prefix === undefined ? name : `${prefix}-${name}`;
}

/** Sums over machines, in the units of `tiers.ts`. */
export function totalsOf(machines: readonly SizedMachine[]): Totals {
  const sum = (pick: (machine: SizedMachine) => number): number => machines.reduce((total, machine) => total + pick(machine), 0);
  return {
    machines: machines.length,
    vcpu: sum((machine) => machine.vcpu),
    memoryGib: sum((machine) => machine.memoryGib),
    osDiskGb: sum((machine) => machine.osDiskGb),
    dataDiskGb: sum((machine) => machine.dataDiskGb),
  };
}

/**
 * Every machine of the platform with its size: the tier's, raised by overrides.
 * @throws RangeError when `users` is no whole number from 1 to 10000.
 */
export function planSizes(input: SizingInput): SizingPlan {
  const tier = tierFor(input.users);
  const machines = GROUP_NAMES.flatMap((group) => {
    const { count, ...size } = TIER_SIZES[tier][group];
    return Array.from({ length: count }, (_, index): SizedMachine => {
      const name = prefixed(input.prefix, `${group}${index + 1}`);
      const override = input.overrides?.[name];
      return {
        name,
        group,
        ordinal: index + 1,
        ...GROUPS[group],
        vcpu: override?.vcpu ?? size.vcpu,
        memoryGib: override?.memoryGib ?? size.memoryGib,
        osDiskGb: override?.osDiskGb ?? size.osDiskGb,
        dataDiskGb: override?.dataDiskGb ?? size.dataDiskGb,
        roles: size.roles,
      };
    });
  });
  return { users: input.users, tier, machines, totals: totalsOf(machines) };
}

/** Whether this machine's disks hold what nothing else can make again: a data disk, or a member's share of etcd. */
export function holdsData(machine: Pick<SizedMachine, "dataDiskGb" | "roles">): boolean {
  return machine.dataDiskGb > 0 || machine.roles.includes("control-plane");
}
