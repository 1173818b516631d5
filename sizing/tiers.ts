/**
 * How big every machine is for each user tier.
 *
 * Units: vcpu in virtual CPUs, memoryGib in GiB, disks in GB, all per machine; count in machines.
 * Source of every cell: the platform's sizing study as kept in the design's facts (`sizing.json`, 2026-11). They are
 * planning assumptions of that study, not measurements; `workloads.ts` proves that they hold what runs on them.
 */

/** A network zone of the platform. */
export type Zone = "lan" | "infra" | "dmz";

/** A Kubernetes cluster of the platform, by the name that file paths and commands use. */
export type ClusterName = "apps" | "middleware" | "dmz";

/** What a machine does. `storage` machines hold Longhorn replicas, so they hold data. */
export type Role = "control-plane" | "worker" | "storage" | "load-balancer" | "git" | "registry" | "observability" | "backup" | "vault";

/** Machines of one kind, named `<group>1`, `<group>2`, ... */
export type Group =
  | "rkeapp-master"
  | "rkeapp-cns"
  | "rkeapp-worker"
  | "rkemiddleware-master"
  | "rkemiddleware-cns"
  | "rkemiddleware-worker"
  | "rkedmz"
  | "lblan"
  | "lbdmz"
  | "lbintegration"
  | "gitops"
  | "monitoring"
  | "vault";

/** Where a group stands and, for cluster nodes, which cluster it joins. */
export interface GroupFacts {
  readonly zone: Zone;
  readonly cluster?: ClusterName;
}

/** Every group in the order in which plans list it. */
export const GROUPS: Readonly<Record<Group, GroupFacts>> = {
  "rkeapp-master": { zone: "lan", cluster: "apps" },
  "rkeapp-cns": { zone: "lan", cluster: "apps" },
  "rkeapp-worker": { zone: "lan", cluster: "apps" },
  "rkemiddleware-master": { zone: "lan", cluster: "middleware" },
  "rkemiddleware-cns": { zone: "lan", cluster: "middleware" },
  "rkemiddleware-worker": { zone: "lan", cluster: "middleware" },
  rkedmz: { zone: "dmz", cluster: "dmz" },
  lblan: { zone: "lan" },
  lbdmz: { zone: "dmz" },
  lbintegration: { zone: "lan" },
  gitops: { zone: "infra" },
  monitoring: { zone: "infra" },
  vault: { zone: "infra" },
};

export const GROUP_NAMES = Object.keys(GROUPS) as readonly Group[];

/** Size and number of one group's machines in one tier. */
export interface GroupSize {
  readonly count: number;
  readonly vcpu: number;
  readonly memoryGib: number;
  readonly osDiskGb: number;
  readonly dataDiskGb: number;
  readonly roles: readonly Role[];
}

/** Upper bounds of concurrent users; a platform takes the smallest tier that holds its users. */
export const TIERS = [100, 500, 1000, 10000] as const;

export type Tier = (typeof TIERS)[number];

function size(count: number, vcpu: number, memoryGib: number, osDiskGb: number, dataDiskGb: number, ...roles: readonly Role[]): GroupSize {
  return { count, vcpu, memoryGib, osDiskGb, dataDiskGb, roles };
}

const STORES = ["worker", "storage"] as const;
const COMBINED = ["control-plane", "worker", "storage"] as const;

/** Columns: machines, vCPU, memory GiB, OS disk GB, data disk GB, roles. */
export const TIER_SIZES: Readonly<Record<Tier, Readonly<Record<Group, GroupSize>>>> = {
  100: {
    "rkeapp-master": size(3, 4, 8, 80, 100, ...COMBINED),
    "rkeapp-cns": size(0, 4, 8, 80, 100, ...STORES),
    "rkeapp-worker": size(0, 4, 8, 80, 0, "worker"),
    "rkemiddleware-master": size(3, 4, 8, 80, 100, ...COMBINED),
    "rkemiddleware-cns": size(0, 4, 8, 80, 100, ...STORES),
    "rkemiddleware-worker": size(0, 4, 8, 80, 0, "worker"),
    rkedmz: size(3, 4, 4, 80, 100, ...COMBINED),
    lblan: size(2, 2, 2, 60, 0, "load-balancer"),
    lbdmz: size(2, 2, 2, 60, 0, "load-balancer"),
    lbintegration: size(2, 2, 2, 60, 0, "load-balancer"),
    gitops: size(1, 4, 8, 60, 200, "git", "registry"),
    monitoring: size(1, 4, 16, 60, 200, "observability", "backup"),
    vault: size(1, 4, 16, 60, 20, "vault"),
  },
  500: {
    "rkeapp-master": size(3, 4, 8, 80, 0, "control-plane"),
    "rkeapp-cns": size(3, 4, 8, 80, 150, ...STORES),
    "rkeapp-worker": size(1, 4, 8, 80, 0, "worker"),
    "rkemiddleware-master": size(3, 4, 8, 80, 0, "control-plane"),
    "rkemiddleware-cns": size(3, 4, 8, 80, 150, ...STORES),
    "rkemiddleware-worker": size(1, 4, 8, 80, 0, "worker"),
    rkedmz: size(3, 4, 8, 80, 200, ...COMBINED),
    lblan: size(2, 4, 4, 60, 0, "load-balancer"),
    lbdmz: size(2, 4, 4, 60, 0, "load-balancer"),
    lbintegration: size(2, 2, 2, 60, 0, "load-balancer"),
    gitops: size(1, 4, 8, 60, 200, "git", "registry"),
    monitoring: size(1, 4, 16, 60, 200, "observability", "backup"),
    vault: size(1, 4, 16, 60, 20, "vault"),
  },
  1000: {
    "rkeapp-master": size(3, 4, 8, 80, 0, "control-plane"),
    "rkeapp-cns": size(3, 4, 8, 80, 200, ...STORES),
    "rkeapp-worker": size(5, 8, 16, 80, 0, "worker"),
    "rkemiddleware-master": size(3, 4, 8, 80, 0, "control-plane"),
    "rkemiddleware-cns": size(3, 4, 8, 80, 200, ...STORES),
    "rkemiddleware-worker": size(4, 8, 16, 80, 0, "worker"),
    rkedmz: size(3, 6, 8, 80, 250, ...COMBINED),
    lblan: size(2, 4, 4, 60, 0, "load-balancer"),
    lbdmz: size(2, 4, 4, 60, 0, "load-balancer"),
    lbintegration: size(2, 4, 4, 60, 0, "load-balancer"),
    gitops: size(1, 4, 8, 60, 200, "git", "registry"),
    monitoring: size(1, 6, 16, 60, 200, "observability", "backup"),
    vault: size(1, 4, 16, 60, 20, "vault"),
  },
  10000: {
    "rkeapp-master": size(3, 4, 8, 80, 0, "control-plane"),
    "rkeapp-cns": size(3, 4, 8, 80, 400, ...STORES),
    "rkeapp-worker": size(6, 8, 16, 80, 0, "worker"),
    "rkemiddleware-master": size(3, 4, 8, 80, 0, "control-plane"),
    "rkemiddleware-cns": size(3, 4, 8, 80, 500, ...STORES),
    "rkemiddleware-worker": size(12, 8, 16, 80, 0, "worker"),
    rkedmz: size(3, 8, 16, 80, 250, ...COMBINED),
    lblan: size(2, 8, 8, 60, 0, "load-balancer"),
    lbdmz: size(2, 8, 8, 60, 0, "load-balancer"),
    lbintegration: size(2, 4, 4, 60, 0, "load-balancer"),
    gitops: size(1, 8, 16, 60, 500, "git", "registry"),
    monitoring: size(1, 8, 32, 60, 500, "observability", "backup"),
    vault: size(1, 4, 16, 60, 20, "vault"),
  },
};

/**
 * The smallest tier that holds `users` concurrent users.
 * @throws RangeError for anything but a whole number from 1 to the largest tier.
 */
export function tierFor(users: number): Tier {
  const tier = TIERS.find((limit) => users <= limit);
  if (!Number.isInteger(users) || users < 1 || tier === undefined) {
    throw new RangeError(`users must be a whole number from 1 to ${TIERS[TIERS.length - 1]}, got ${users}`);
  }
  return tier;
}
