import type { Group, Zone } from "../../sizing/tiers";
import { GROUPS } from "../../sizing/tiers";
import { offsetBy, toNumber } from "./ipv4";

/** The addresses of one zone that the platform may use, first to last, both included. */
export interface AddressPool {
  readonly from: string;
  readonly to: string;
}

/** A run of a zone's pool that belongs to one group for ever. */
export interface AddressBlock {
  /** Addresses from the pool's start. */
  readonly offset: number;
  /** Addresses set aside, so the most machines the group can ever have. */
  readonly size: number;
}

/** Virtual addresses come first in a zone's pool; this many are set aside for them. */
export const VIRTUAL_ADDRESS_BLOCK: Readonly<Record<Zone, number>> = { lan: 8, infra: 4, dmz: 4 };

/**
 * Where each group's addresses start in its zone's pool. An address is its block's start plus the machine's ordinal,
 * so neither a bigger tier nor another group ever moves it. **Never edit a number here: each is an address in use.**
 * A new group takes the next free offset of its zone.
 */
export const ADDRESS_BLOCKS: Readonly<Record<Group, AddressBlock>> = {
  lblan: { offset: 8, size: 4 },
  lbintegration: { offset: 12, size: 4 },
  "rkeapp-master": { offset: 16, size: 8 },
  "rkemiddleware-master": { offset: 24, size: 8 },
  "rkeapp-cns": { offset: 32, size: 8 },
  "rkemiddleware-cns": { offset: 40, size: 8 },
  "rkeapp-worker": { offset: 48, size: 16 },
  "rkemiddleware-worker": { offset: 64, size: 24 },
  gitops: { offset: 4, size: 4 },
  monitoring: { offset: 8, size: 4 },
  vault: { offset: 12, size: 4 },
  lbdmz: { offset: 4, size: 4 },
  rkedmz: { offset: 8, size: 8 },
};

/** Addresses that the pool of `zone` must hold for machines of these groups with these ordinals. */
export function addressesNeeded(zone: Zone, machines: readonly { group: Group; ordinal: number }[]): number {
  return machines
    .filter((machine) => GROUPS[machine.group].zone === zone)
    .reduce((most, machine) => Math.max(most, ADDRESS_BLOCKS[machine.group].offset + machine.ordinal), VIRTUAL_ADDRESS_BLOCK[zone]);
}

/** Addresses in a pool. */
export function poolSize(pool: AddressPool): number {
  return toNumber(pool.to) - toNumber(pool.from) + 1;
}

/**
 * The address of a group's n-th machine in its zone's pool.
 * @throws RangeError when the group's block holds no such ordinal, which is a mistake of the tier tables.
 */
export function machineAddress(pool: AddressPool, group: Group, ordinal: number): string {
  const block = ADDRESS_BLOCKS[group];
  if (ordinal < 1 || ordinal > block.size) {
    throw new RangeError(`${group}${ordinal} has no address: the group's block holds ${block.size}`);
  }
  return offsetBy(pool.from, block.offset + ordinal - 1);
}

/** A floating address, held by one machine of a load balancer pair at a time. */
export interface VirtualAddress {
  /** What it is for; also its DNS label. */
  readonly name: string;
  readonly zone: Zone;
  readonly ip: string;
  /** The pair that carries it. */
  readonly group: Group;
  readonly ports: readonly number[];
  readonly purpose: string;
}

/** Kafka's bootstrap NodePort and one for each broker. */
export const KAFKA_PORTS = [32100, 31400, 31401, 31402] as const;

/** RKE2's API and supervisor. */
export const CLUSTER_API_PORTS = [6443, 9345] as const;

/** In order of their place in the zone's pool. **Never reorder: each place is an address in use.** */
const VIRTUAL_ADDRESSES: readonly Omit<VirtualAddress, "ip">[] = [
  { name: "lblan", zone: "lan", group: "lblan", ports: [443, 80, 8080, ...KAFKA_PORTS], purpose: "services and consoles of the platform" },
  { name: "api-apps", zone: "lan", group: "lblan", ports: CLUSTER_API_PORTS, purpose: "Kubernetes API of cluster apps" },
  { name: "api-middleware", zone: "lan", group: "lblan", ports: CLUSTER_API_PORTS, purpose: "Kubernetes API of cluster middleware" },
  { name: "lbintegration", zone: "lan", group: "lbintegration", ports: [], purpose: "external services, one port each" },
  { name: "lbdmz", zone: "dmz", group: "lbdmz", ports: [443, 80, ...KAFKA_PORTS], purpose: "public portal, API host, mobile messaging" },
  { name: "api-dmz", zone: "dmz", group: "lbdmz", ports: CLUSTER_API_PORTS, purpose: "Kubernetes API of cluster dmz" },
];

/** Every virtual address; `integrationPorts` are the ports of the external services. */
export function planVirtualAddresses(
  pools: Readonly<Record<Zone, AddressPool>>,
  integrationPorts: readonly number[],
): readonly VirtualAddress[] {
  const taken: Record<Zone, number> = { lan: 0, infra: 0, dmz: 0 };
  return VIRTUAL_ADDRESSES.map((each) => ({
    ...each,
    ip: offsetBy(pools[each.zone].from, taken[each.zone]++),
    ports: each.name === "lbintegration" ? integrationPorts : each.ports,
  }));
}
