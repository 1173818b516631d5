import type { Zone } from "../../sizing/tiers";
import { isIpv4, parseCidr } from "./ipv4";
import type { Port, ResolvedFlow } from "./flows";

/** What one machine's firewall needs to know of the plan. */
export interface FirewallInput {
  readonly host: string;
  readonly zone: Zone;
  /** Own address first, then every virtual address the machine may carry. */
  readonly addresses: readonly string[];
  /** Whether it is a node of a Kubernetes cluster, whose network makes rules of its own for pods. */
  readonly isClusterNode: boolean;
  readonly guestInterface: string;
  readonly flows: readonly ResolvedFlow[];
  /** The platform's own zones: what "the internet" does not include. */
  readonly zoneNetworks: readonly string[];
  /** Networks of the organisation that the stack file names: no part of the internet for who goes out to it. */
  readonly organisationNetworks: readonly string[];
}

const HEADER = [
  "#!/usr/sbin/nft -f",
  "# Managed by Pulumi: edits are overwritten. Made from the flow model by src/network/firewall.ts.",
  "# One transaction: either all of it holds or the rules before it.",
];

function portSet(ports: readonly Port[]): string {
  return `{ ${ports.map((port) => (typeof port === "number" ? `${port}` : `${port[0]}-${port[1]}`)).join(", ")} }`;
}

function addressSet(addresses: readonly string[]): string {
  return `{ ${addresses.join(", ")} }`;
}

function comment(flow: ResolvedFlow): string {
  return `comment "${flow.from} -> ${flow.to}: ${flow.why}"`.slice(0, 120).replace(/"?$/, '"');
}

const EVERYWHERE = "0.0.0.0/0";

/** Private, shared and link-local networks (RFC 1918, 6598, 3927): somebody's own, never the internet. */
const PRIVATE_NETWORKS = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

/**
 * The rules of a flow, its far end in `daddr` or `saddr`: one for known addresses, one for names that only DNS knows, which
 * mean any address outside the platform, and one for the internet. Who comes from there may have been given a private
 * address by the organisation's own router; who goes there does not mean the organisation.
 */
function rules(flow: ResolvedFlow, side: "saddr" | "daddr", far: readonly string[], at = ""): readonly string[] {
  const addresses = far.filter((each) => each !== EVERYWHERE && (isIpv4(each) || parseCidr(each) !== undefined));
  const what = flow.protocol === "vrrp" ? "ip protocol vrrp" : `${flow.protocol} dport ${portSet(flow.ports)}`;
  const names = far.filter((each) => each !== EVERYWHERE && !addresses.includes(each));
  const internet = side === "daddr" ? "organisation" : "zones";
  return [
    ...(addresses.length === 0 ? [] : [`ip ${side} ${addressSet(addresses)} `]),
    ...(names.length === 0 ? [] : [`ip ${side} != @zones `]),
    ...(far.includes(EVERYWHERE) ? [`ip ${side} != @${internet} `] : []),
  ].map((where) => `    ${where}${at}${what} accept ${comment(flow)}`);
}

function inbound(input: FirewallInput): readonly string[] {
  const own = input.flows.filter((flow) => flow.destinations.some((destination) => input.addresses.includes(destination)));
  return own.flatMap((flow) => {
    // Where a machine carries several addresses, what is open at one is not open at another.
    const meant = flow.destinations.filter((each) => input.addresses.includes(each));
    const at = input.addresses.length === 1 ? "" : `ip daddr ${addressSet(meant)} `;
    return rules(
      flow,
      "saddr",
      flow.sources.filter((source) => !input.addresses.includes(source)),
      at,
    );
  });
}

function outbound(input: FirewallInput): readonly string[] {
  const own = input.flows.filter((flow) => flow.sources.some((source) => input.addresses.includes(source)));
  return own.flatMap((flow) => rules(flow, "daddr", flow.destinations));
}

const COMMON_INPUT = [
  "    ct state established,related accept",
  "    ct state invalid drop",
  '    iifname "lo" accept',
  "    icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
  "    icmp type echo-request limit rate 10/second accept",
  "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept",
];

const LOG_INPUT = '    limit rate 5/minute log prefix "platform drop in: "';

function forward(input: FirewallInput): readonly string[] {
  if (!input.isClusterNode) return ["  chain forward {", "    type filter hook forward priority filter; policy drop;", "  }"];
  const leaving = `oifname "${input.guestInterface}" ct state new`;
  const restricted = input.zone === "dmz" ? [`    ${leaving} jump egress`, `    ${leaving} drop`] : [];
  return ["  chain forward {", "    type filter hook forward priority filter; policy accept;", ...restricted, "  }"];
}

const SSH = 22;

/**
 * Answers of sshd, even to sessions older than these rules: those were never tracked, so the first packet after a
 * reload would look like a new connection going out, and the session that loads the rules would hang.
 */
function sshAnswers(input: FirewallInput): readonly string[] {
  const sources = input.flows
    .filter((flow) => flow.ports.includes(SSH) && flow.destinations.some((destination) => input.addresses.includes(destination)))
    .flatMap((flow) => flow.sources);
  return sources.length === 0 ? [] : [`    ip daddr ${addressSet([...new Set(sources)])} tcp sport ${SSH} accept`];
}

function egress(input: FirewallInput): readonly string[] {
  if (input.zone !== "dmz") return [];
  return [
    "  chain egress {",
    ...outbound(input),
    "  }",
    "  chain output {",
    "    type filter hook output priority filter; policy drop;",
    "    ct state established,related accept",
    ...sshAnswers(input),
    '    oifname "lo" accept',
    ...(input.isClusterNode ? ['    oifname { "cali*", "flannel*" } accept'] : []),
    "    icmp type { destination-unreachable, time-exceeded, parameter-problem, echo-request } accept",
    "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
    "    jump egress",
    '    limit rate 5/minute log prefix "platform drop out: "',
    "  }",
  ];
}

/** The machine's nftables rules: default drop in everywhere, default drop out too in the DMZ. */
export function renderNftables(input: FirewallInput): string {
  const named = [...input.zoneNetworks, ...input.organisationNetworks, ...PRIVATE_NETWORKS];
  const organisation = [...new Set(named)].filter((each) => each !== EVERYWHERE);
  return [
    ...HEADER,
    `# ${input.host}`,
    "table inet platform",
    "delete table inet platform",
    "table inet platform {",
    "  set zones {",
    "    type ipv4_addr; flags interval;",
    `    elements = ${addressSet(input.zoneNetworks)}`,
    "  }",
    "  set organisation {",
    "    type ipv4_addr; flags interval; auto-merge;",
    `    elements = ${addressSet(organisation)}`,
    "  }",
    "  chain input {",
    "    type filter hook input priority filter; policy drop;",
    ...COMMON_INPUT,
    ...(input.isClusterNode ? ['    iifname { "cali*", "flannel*" } accept'] : []),
    ...inbound(input),
    LOG_INPUT,
    "  }",
    ...forward(input),
    ...egress(input),
    "}",
    "",
  ].join("\n");
}
