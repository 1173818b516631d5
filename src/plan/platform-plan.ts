import { proveCapacity } from "../../sizing/capacity";
import type { CapacityProof } from "../../sizing/capacity";
import { planSizes, prefixed } from "../../sizing/plan";
import type { SizedMachine, Totals } from "../../sizing/plan";
import type { Tier, Zone } from "../../sizing/tiers";
import { servicePort } from "../config/cross-checks";
import type { PlatformConfig } from "../config/schema";
import { VERSION_NAMES, VERSIONS } from "../config/versions";
import { machineAddress, planVirtualAddresses } from "../network/addresses";
import type { VirtualAddress } from "../network/addresses";
import { planDns, serviceNamesFor } from "../network/dns";
import type { DnsRecord } from "../network/dns";
import { planExternal } from "../network/external";
import { planFlows } from "../network/flows";
import type { ExternalEndpoint, ResolvedFlow } from "../network/flows";

/** A machine with its size, its address and its place in DNS. */
export interface PlannedMachine extends SizedMachine {
  readonly ip: string;
  readonly fqdn: string;
}

/** An address people or programs use. */
export interface Endpoint {
  readonly name: string;
  readonly url: string;
  readonly via: string;
}

/** What is deployed and from where. */
export interface PlannedComponent {
  readonly name: string;
  readonly version: string;
  readonly source: string;
}

/** Everything that can be known before anything exists: a pure function of the stack file. */
export interface PlatformPlan {
  readonly users: number;
  readonly tier: Tier;
  readonly machines: readonly PlannedMachine[];
  readonly totals: Totals;
  readonly capacity: CapacityProof;
  readonly virtualAddresses: readonly VirtualAddress[];
  readonly dns: readonly DnsRecord[];
  readonly flows: readonly ResolvedFlow[];
  readonly endpoints: readonly Endpoint[];
  readonly external: readonly ExternalEndpoint[];
  readonly components: readonly PlannedComponent[];
}

/** vCenter's API. */
const VCENTER_PORT = 443;

function zoneValues<Value>(zones: PlatformConfig["zones"], pick: (zone: PlatformConfig["zones"]["lan"]) => Value): Record<Zone, Value> {
  return { lan: pick(zones.lan), infra: pick(zones.infra), dmz: pick(zones.dmz) };
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

function planMachines(config: PlatformConfig, sized: readonly SizedMachine[]): readonly PlannedMachine[] {
  return sized.map((machine) => ({
    ...machine,
    ip: machineAddress(config.zones[machine.zone].pool, machine.group, machine.ordinal),
    fqdn: `${machine.name}.${config.domain}`,
  }));
}

/** The whole plan. Same config, same plan, byte for byte. */
export function planPlatform(config: PlatformConfig): PlatformPlan {
  const sizes = planSizes(config);
  const machines = planMachines(config, sizes.machines);
  const external = planExternal(
    Object.fromEntries(
      Object.entries(config.externalServices).map(([name, service]) => [name, { ...service, port: servicePort(service) }]),
    ),
  );
  const virtualAddresses = planVirtualAddresses(
    zoneValues(config.zones, (zone) => zone.pool),
    external.map((service) => service.listenPort),
  );
  const proxy = config.proxy === undefined ? undefined : new URL(config.proxy.url);
  const zones = Object.values(config.zones);
  const flows = planFlows({
    machines,
    virtualAddresses,
    networks: {
      internet: ["0.0.0.0/0"],
      users: config.access.userNetworks,
      administrators: config.access.administratorNetworks,
      deployer: config.access.deployerNetworks,
      dns: distinct(zones.flatMap((zone) => zone.dns)),
      ntp: distinct(zones.flatMap((zone) => zone.ntp)),
      hypervisor: [config.hypervisor.server],
      proxy: proxy === undefined ? [] : [proxy.hostname],
    },
    hypervisorPort: VCENTER_PORT,
    // URL leaves out the port that its scheme implies.
    proxyPort: proxy === undefined ? undefined : Number(proxy.port || "80"),
    external,
    connected: config.artifacts.mode === "connected",
  });
  return {
    users: sizes.users,
    tier: sizes.tier,
    machines,
    totals: sizes.totals,
    capacity: proveCapacity(sizes, config.products),
    virtualAddresses,
    dns: planDns({ ...config, machines, virtualAddresses }),
    flows,
    endpoints: serviceNamesFor(config.products).map(({ label, via }) => ({
      name: label,
      url: `https://${prefixed(config.prefix, label)}.${config.domain}`,
      via,
    })),
    external,
    components: VERSION_NAMES.map((name) => ({
      name,
      version: config.versions[name] ?? VERSIONS[name].version,
      source: VERSIONS[name].source,
    })),
  };
}
