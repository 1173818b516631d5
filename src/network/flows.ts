import type { ClusterName, Group, Role, Zone } from "../../sizing/tiers";
import type { VirtualAddress } from "./addresses";
import { CLUSTER_API_PORTS, KAFKA_PORTS } from "./addresses";

/**
 * Who talks to whom, on which port and why: the one source of host firewalls, of load balancer reach and of the matrix
 * that a network team receives. What no flow names is closed.
 */

/** A network outside the platform, by what it is to the platform. */
export type OutsideNetwork = "internet" | "users" | "administrators" | "deployer" | "dns" | "ntp" | "hypervisor" | "proxy";

/** One end of a flow. */
export type Party =
  | "machines"
  | `group:${Group}`
  | `zone:${Zone}`
  | `cluster:${ClusterName}`
  | `cluster:${ClusterName}/${Role}`
  | `vip:${string}`
  | `net:${OutsideNetwork}`
  | `external:${string}`;

/** A port, or the first and last of a range. */
export type Port = number | readonly [first: number, last: number];

export interface Flow {
  readonly from: Party;
  readonly to: Party;
  readonly protocol: "tcp" | "udp" | "vrrp";
  /** Empty for vrrp, which has none. */
  readonly ports: readonly Port[];
  readonly why: string;
}

/** A flow with its ends as addresses and networks, sorted. */
export interface ResolvedFlow extends Flow {
  readonly sources: readonly string[];
  readonly destinations: readonly string[];
}

export interface ExternalEndpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Where LBINTEGRATION listens for it. */
  readonly listenPort: number;
}

interface FlowMachine {
  readonly ip: string;
  readonly group: Group;
  readonly zone: Zone;
  readonly cluster?: ClusterName;
  readonly roles: readonly Role[];
}

export interface FlowInput {
  readonly machines: readonly FlowMachine[];
  readonly virtualAddresses: readonly VirtualAddress[];
  /** Networks or addresses by what they are; an empty list leaves its flows out. */
  readonly networks: Readonly<Record<OutsideNetwork, readonly string[]>>;
  readonly hypervisorPort: number;
  readonly proxyPort?: number | undefined;
  readonly external: readonly ExternalEndpoint[];
  /** Whether machines fetch packages, charts and images from upstream. */
  readonly connected: boolean;
}

const SSH = 22;
const HTTP = 80;
const HTTPS = 443;
const DNS = 53;
const NTP = 123;
const REGISTRY = 8443;
const VAULT = 8200;
const COROOT = 8080;
const BACKUP_API = 9000;
const BACKUP_CONSOLE = 9001;

const LAN_CLUSTERS = ["apps", "middleware"] as const;
const CLUSTERS = ["apps", "middleware", "dmz"] as const;

function tcp(from: Party, to: Party, ports: readonly Port[], why: string): Flow {
  return { from, to, protocol: "tcp", ports, why };
}

function udp(from: Party, to: Party, ports: readonly Port[], why: string): Flow {
  return { from, to, protocol: "udp", ports, why };
}

function entryFlows(input: FlowInput): readonly Flow[] {
  return [
    tcp("net:internet", "vip:lbdmz", [HTTPS, HTTP, ...KAFKA_PORTS], "public portal, public APIs, messaging of mobile apps"),
    tcp("net:users", "vip:lblan", [HTTPS, HTTP], "internal portals"),
    tcp("net:administrators", "vip:lblan", [HTTPS, HTTP], "consoles"),
    tcp("net:administrators", "machines", [SSH], "operation"),
    tcp("net:deployer", "machines", [SSH], "deployment: preparation of machines"),
    tcp("net:deployer", "group:vault", [VAULT], "deployment: secrets"),
    tcp("net:deployer", "vip:lblan", [HTTPS], "deployment: services and checks"),
    ...CLUSTERS.map((cluster) => tcp("net:deployer", `vip:api-${cluster}`, [6443], "deployment: Kubernetes objects")),
    tcp("net:deployer", "net:hypervisor", [input.hypervisorPort], "deployment: virtual machines"),
  ];
}

function loadBalancerFlows(): readonly Flow[] {
  return [
    tcp("group:lbdmz", "vip:lblan", [HTTPS, COROOT, ...KAFKA_PORTS], "static content, mobile messaging, Coroot agent"),
    tcp("group:lbdmz", "cluster:dmz", [HTTPS, ...CLUSTER_API_PORTS], "public APIs through Gravitee, Kubernetes API"),
    ...LAN_CLUSTERS.flatMap((cluster) => [
      tcp("group:lblan", `cluster:${cluster}/worker`, [HTTPS], "ingress"),
      tcp("group:lblan", `cluster:${cluster}/control-plane`, CLUSTER_API_PORTS, "Kubernetes API and registration of nodes"),
    ]),
    tcp("group:lblan", "cluster:middleware", KAFKA_PORTS, "Kafka's node ports"),
    tcp("group:lblan", "cluster:dmz", [HTTPS], "consoles of the DMZ cluster"),
    tcp("group:lblan", "group:gitops", [HTTPS, REGISTRY], "Gogs, registry"),
    tcp("group:lblan", "group:vault", [VAULT], "Vault"),
    tcp("group:lblan", "group:monitoring", [COROOT, BACKUP_CONSOLE], "Coroot, console of the backup store"),
    ...(["lblan", "lbdmz", "lbintegration"] as const).map((group): Flow => ({
      from: `group:${group}`,
      to: `group:${group}`,
      protocol: "vrrp",
      ports: [],
      why: "keepalived: who holds the virtual addresses",
    })),
  ];
}

function clusterFlows(input: FlowInput): readonly Flow[] {
  const integrationPorts = input.external.map((service) => service.listenPort).sort((a, b) => a - b);
  return [
    tcp("cluster:dmz", "vip:lblan", [HTTPS, COROOT], "back ends, Vault, Rancher, Git, Coroot agent"),
    ...LAN_CLUSTERS.flatMap((cluster) => [
      tcp(`cluster:${cluster}`, "vip:lblan", [HTTPS, COROOT, ...KAFKA_PORTS], "services by name, Coroot agent, Kafka"),
      tcp(`cluster:${cluster}`, "group:gitops", [HTTPS], "GitOps repository"),
      tcp(`cluster:${cluster}`, "group:vault", [VAULT], "secrets"),
      tcp(`cluster:${cluster}`, "group:monitoring", [BACKUP_API], "backups"),
      ...(integrationPorts.length === 0 ? [] : [tcp(`cluster:${cluster}`, "vip:lbintegration", integrationPorts, "external services")]),
    ]),
    ...CLUSTERS.flatMap((cluster) => [
      tcp(`cluster:${cluster}`, `vip:api-${cluster}`, CLUSTER_API_PORTS, "registration and API through the virtual address"),
      tcp(`cluster:${cluster}`, `cluster:${cluster}/control-plane`, CLUSTER_API_PORTS, "API server and supervisor"),
      tcp(`cluster:${cluster}/control-plane`, `cluster:${cluster}/control-plane`, [[2379, 2380]], "etcd"),
      tcp(`cluster:${cluster}`, `cluster:${cluster}`, [10250, 9099, 5001], "kubelet, Canal's health, embedded registry"),
      udp(`cluster:${cluster}`, `cluster:${cluster}`, [8472], "Canal's overlay (VXLAN)"),
    ]),
    ...LAN_CLUSTERS.map((cluster) =>
      tcp(
        `cluster:${cluster}`,
        `cluster:${cluster}/storage`,
        [3260, [8500, 8504], [9500, 9503], [10000, 30000]],
        "Longhorn's volumes and replicas",
      ),
    ),
    ...CLUSTERS.map((cluster) => tcp("group:vault", `vip:api-${cluster}`, [6443], "Vault reviews service account tokens")),
  ];
}

function commonFlows(input: FlowInput): readonly Flow[] {
  const upstream: readonly Flow[] =
    input.proxyPort !== undefined
      ? [tcp("machines", "net:proxy", [input.proxyPort], "packages, charts and images through the proxy")]
      : [tcp("machines", "net:internet", [HTTPS, HTTP], "packages, charts and images from upstream (artifacts.mode: connected)")];
  return [
    tcp("machines", "group:gitops", [REGISTRY], "image pulls"),
    udp("machines", "net:dns", [DNS], "names"),
    tcp("machines", "net:dns", [DNS], "names, long answers"),
    udp("machines", "net:ntp", [NTP], "time"),
    tcp("group:lbintegration", "group:monitoring", [COROOT], "Coroot agent"),
    tcp("zone:infra", "group:monitoring", [COROOT], "Coroot agent"),
    tcp("group:gitops", "group:monitoring", [BACKUP_API], "backups of Gogs"),
    tcp("group:vault", "group:monitoring", [BACKUP_API], "backups of Vault"),
    ...(input.connected ? upstream : []),
    ...input.external.map((service) =>
      tcp("group:lbintegration", `external:${service.name}`, [service.port], `external service ${service.name}`),
    ),
  ];
}

/** Addresses and networks behind a party, in the plan's order. */
function resolve(party: Party, input: FlowInput): readonly string[] {
  const [kind, name = ""] = party.split(":");
  const ips = (holds: (machine: FlowMachine) => boolean): readonly string[] => input.machines.filter(holds).map((machine) => machine.ip);
  switch (kind) {
    case "machines":
      return ips(() => true);
    case "group":
      return ips((machine) => machine.group === name);
    case "zone":
      return ips((machine) => machine.zone === name);
    case "cluster": {
      const [cluster, role] = name.split("/");
      return ips((machine) => machine.cluster === cluster && (role === undefined || machine.roles.some((each) => each === role)));
    }
    case "vip":
      return input.virtualAddresses.filter((each) => each.name === name).map((each) => each.ip);
    case "external":
      return input.external.filter((each) => each.name === name).map((each) => each.host);
    default:
      return input.networks[name as OutsideNetwork];
  }
}

/** Every flow of the platform with its ends resolved; those with an end that does not exist are left out. */
export function planFlows(input: FlowInput): readonly ResolvedFlow[] {
  return [...entryFlows(input), ...loadBalancerFlows(), ...clusterFlows(input), ...commonFlows(input)]
    .map((flow) => ({ ...flow, sources: resolve(flow.from, input), destinations: resolve(flow.to, input) }))
    .filter((flow) => flow.sources.length > 0 && flow.destinations.length > 0);
}

/** `22, 2379-2380`. */
export function portsText(ports: readonly Port[]): string {
  return ports.map((port) => (typeof port === "number" ? `${port}` : `${port[0]}-${port[1]}`)).join(", ");
}
