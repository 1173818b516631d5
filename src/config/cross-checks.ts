import { proveCapacity } from "../../sizing/capacity";
import type { CapacityFinding } from "../../sizing/capacity";
import { planSizes, prefixed } from "../../sizing/plan";
import type { SizeOverride, SizingPlan } from "../../sizing/plan";
import { GROUP_NAMES } from "../../sizing/tiers";
import type { Zone } from "../../sizing/tiers";
import type { Product } from "../../sizing/workloads";
import { addressesNeeded, poolSize } from "../network/addresses";
import { LONGEST_LABEL, LONGEST_NAME, SERVICE_NAMES } from "../network/dns";
import { planExternal } from "../network/external";
import { contains, isIpv4, offsetBy, overlap, parseCidr, toNumber } from "../network/ipv4";
import type { Cidr } from "../network/ipv4";
import { isRecord } from "../shared/json";
import { clusterNetworkProblems } from "./cluster-networks";
import { nearest } from "./problems";
import type { Problem } from "./problems";
import type { ExternalService, PlatformConfig } from "./schema";
import { ARTIFACT_NAMES, VERSIONS } from "./versions";
import type { Artifact, ArtifactName } from "./versions";

/** A version that nobody here has tested has no checksum here either, and nothing is installed without one. */
function checksumProblems(sections: ParsedSections): readonly Problem[] {
  const { versions = {}, checksums = {}, artifacts } = sections;
  const other = (name: ArtifactName): boolean => versions[name] !== undefined && versions[name] !== VERSIONS[name].version;
  return ARTIFACT_NAMES.flatMap((name): Problem[] => {
    const { sha256, checksums: list }: Artifact = VERSIONS[name].artifact;
    if (checksums[name] !== undefined && !other(name) && sha256 !== undefined) {
      return [
        {
          path: `platform:checksums.${name}`,
          message: `${name} is installed in its tested version ${VERSIONS[name].version}, whose checksum the program knows`,
          remedy: `Remove the line, or name the version it belongs to under platform:versions.${name}`,
        },
      ];
    }
    if (checksums[name] !== undefined || !other(name) || artifacts?.mode !== "connected" || list !== undefined) return [];
    return [
      {
        path: `platform:versions.${name}`,
        message: `got ${versions[name] ?? ""}, whose checksum is not known`,
        remedy: `Add the SHA-256 that its publisher gives, as platform:checksums.${name}`,
      },
    ];
  });
}

/** The sections of a stack file that parsed; a check looks at what is there, so that all problems show at once. */
export type ParsedSections = { readonly [Key in keyof PlatformConfig]?: PlatformConfig[Key] | undefined };

const ZONES: readonly Zone[] = ["lan", "infra", "dmz"];

function ipv4(value: unknown): string | undefined {
  return typeof value === "string" && isIpv4(value) ? value : undefined;
}

function zoneProblems(zone: Zone, raw: unknown): readonly Problem[] {
  if (!isRecord(raw) || typeof raw["cidr"] !== "string") return [];
  const path = `platform:zones.${zone}`;
  const text = raw["cidr"];
  const cidr = parseCidr(text);
  if (cidr === undefined) return [];
  const pool = isRecord(raw["pool"]) ? raw["pool"] : {};
  const [from, to] = [ipv4(pool["from"]), ipv4(pool["to"])];
  const usable = (value: string): boolean => contains(cidr, value) && value !== cidr.network && value !== cidr.broadcast;
  const within = `the usable addresses of ${text}, ${offsetBy(cidr.network, 1)} to ${offsetBy(cidr.broadcast, -1)}`;
  const outside = (key: string, value: string | undefined): readonly Problem[] =>
    value === undefined || usable(value)
      ? []
      : [
          {
            path: `${path}.${key}`,
            message: `${value} lies outside ${within}`,
            remedy: "Write an address of that range, or correct the zone's cidr",
          },
        ];
  const problems = [...outside("gateway", ipv4(raw["gateway"])), ...outside("pool.from", from), ...outside("pool.to", to)];
  // An end outside the zone says it all; comparing it with the other would only say it again.
  if (from === undefined || to === undefined || !usable(from) || !usable(to)) return problems;
  if (toNumber(from) > toNumber(to)) {
    return [
      ...problems,
      { path: `${path}.pool`, message: `the pool starts at ${from}, after its end ${to}`, remedy: "Exchange from and to" },
    ];
  }
  const taken = [
    ["gateway", raw["gateway"]],
    ...(["dns", "ntp"] as const).flatMap((key) =>
      (Array.isArray(raw[key]) ? raw[key] : []).map((value: unknown, index) => [`${key}[${index}]`, value] as const),
    ),
  ] as const;
  const inPool = taken.flatMap(([key, value]): Problem[] => {
    const ip = ipv4(value);
    if (ip === undefined || toNumber(ip) < toNumber(from) || toNumber(ip) > toNumber(to)) return [];
    return [
      {
        path: `${path}.${key}`,
        message: `${ip} lies inside the zone's pool ${from} to ${to}`,
        remedy: "Start the pool after it, or end it before",
      },
    ];
  });
  return [...problems, ...inPool];
}

function zoneOverlaps(rawZones: unknown): readonly Problem[] {
  if (!isRecord(rawZones)) return [];
  const cidrs = ZONES.flatMap((zone): [Zone, string, Cidr][] => {
    const raw = rawZones[zone];
    const text = isRecord(raw) && typeof raw["cidr"] === "string" ? raw["cidr"] : "";
    const cidr = parseCidr(text);
    return cidr === undefined ? [] : [[zone, text, cidr]];
  });
  return cidrs.flatMap(([zone, text, cidr], index) =>
    cidrs
      .slice(0, index)
      .filter(([, , other]) => overlap(cidr, other))
      .map(([other, otherText]) => ({
        path: `platform:zones.${zone}.cidr`,
        message: `${text} overlaps ${otherText} of zone ${other}`,
        remedy: "Give each zone a network of its own",
      })),
  );
}

function poolProblems(rawZones: unknown, plan: SizingPlan): readonly Problem[] {
  return ZONES.flatMap((zone): Problem[] => {
    const raw = isRecord(rawZones) && isRecord(rawZones[zone]) ? rawZones[zone]["pool"] : undefined;
    const [from, to] = isRecord(raw) ? [ipv4(raw["from"]), ipv4(raw["to"])] : [];
    if (from === undefined || to === undefined || toNumber(from) > toNumber(to)) return [];
    const has = poolSize({ from, to });
    const needs = addressesNeeded(zone, plan.machines);
    if (has >= needs) return [];
    return [
      {
        path: `platform:zones.${zone}.pool`,
        message: `${from} to ${to} are ${has} addresses; ${plan.users} users need ${needs} here (each group has a fixed block)`,
        remedy: `End the pool at ${offsetBy(from, needs - 1)} or later`,
      },
    ];
  });
}

function nameProblems(prefix: string | undefined, domain: string | undefined): readonly Problem[] {
  const longest = [...GROUP_NAMES.map((group) => `${group}99`), ...SERVICE_NAMES.map((service) => service.label)]
    .map((name) => prefixed(prefix, name))
    .reduce((a, b) => (a.length >= b.length ? a : b));
  const problems: Problem[] = [];
  if (longest.length > LONGEST_LABEL) {
    problems.push({
      path: "platform:prefix",
      message: `makes host names as long as "${longest}", ${longest.length} characters of ${LONGEST_LABEL} allowed`,
      remedy: "Write a shorter prefix",
    });
  }
  if (domain !== undefined && longest.length + 1 + domain.length > LONGEST_NAME) {
    problems.push({
      path: "platform:domain",
      message: `makes names of ${longest.length + 1 + domain.length} characters, ${LONGEST_NAME} are allowed`,
      remedy: "Write a shorter domain",
    });
  }
  return problems;
}

const SIZES = ["vcpu", "memoryGib", "osDiskGb", "dataDiskGb"] as const;
const DISKS: readonly string[] = ["osDiskGb", "dataDiskGb"];

function overrideProblems(
  overrides: Readonly<Record<string, SizeOverride>>,
  base: SizingPlan,
  prefix: string | undefined,
  products: readonly Product[],
): readonly Problem[] {
  const proof = proveCapacity(planSizes({ users: base.users, prefix, overrides }), products);
  return Object.entries(overrides).flatMap(([name, override]): Problem[] => {
    const path = `platform:overrides.${name}`;
    const machine = base.machines.find((each) => each.name === name);
    if (machine === undefined) {
      const known = base.machines.map((each) => each.name);
      const meant = nearest(name, known);
      const remedy =
        meant === undefined
          ? `Remove it; the machines are ${known[0] ?? ""} to ${known[known.length - 1] ?? ""} (npx platform plan lists them)`
          : `Write ${meant}, or remove it`;
      return [{ path, message: `there is no machine of this name at ${base.users} users`, remedy }];
    }
    const tooSmall = SIZES.filter((size) => DISKS.includes(size) && override[size] !== undefined && override[size] < machine[size]).map(
      (size): Problem => ({
        path: `${path}.${size}`,
        message: `${override[size] ?? 0} GB is less than the ${machine[size]} GB its tier needs, and a disk never shrinks`,
        remedy: `Write ${machine[size]} or more`,
      }),
    );
    const noDisk: Problem[] =
      override.dataDiskGb !== undefined && machine.dataDiskGb === 0
        ? [{ path: `${path}.dataDiskGb`, message: `${name} has no data disk at ${base.users} users`, remedy: "Remove it" }]
        : [];
    const lowered = SIZES.filter((size) => !DISKS.includes(size) && (override[size] ?? Infinity) < machine[size]);
    const breaks = (finding: CapacityFinding): boolean => finding.where === name || finding.where === machine.cluster;
    const starved = lowered.length === 0 ? [] : proof.findings.filter(breaks).slice(0, 1);
    return [
      ...tooSmall,
      ...noDisk,
      ...starved.map((finding): Problem => ({
        path: `${path}.${lowered.join(", ")}`,
        message: `is less than the workload needs: ${finding.where}: ${finding.message}`,
        remedy: `Write ${lowered.map((size) => `${size}: ${machine[size]}`).join(", ")} or more`,
      })),
    ];
  });
}

/** Ports on which LBINTEGRATION itself already listens. */
const OWN_PORTS = [22, 8404];

/** The port an external service listens on, its kind's usual one where the file gives none. */
export function servicePort(service: ExternalService): number {
  switch (service.kind) {
    case "database":
      return service.port ?? (service.engine === "informix" ? 9088 : 5432);
    case "ldap":
      return service.port ?? (service.tls ? 636 : 389);
    case "smtp":
    case "http":
      return service.port;
  }
}

function integrationProblems(services: Readonly<Record<string, ExternalService>>): readonly Problem[] {
  const endpoints = planExternal(
    Object.fromEntries(Object.entries(services).map(([name, service]) => [name, { ...service, port: servicePort(service) }])),
  );
  return endpoints.flatMap((endpoint, index): Problem[] => {
    const other = endpoints.slice(0, index).find((each) => each.listenPort === endpoint.listenPort);
    const path = `platform:externalServices.${endpoint.name}.listenPort`;
    const remedy = "Give this service a listenPort of its own, best from 30000 to 39999";
    if (other !== undefined)
      return [{ path, message: `port ${endpoint.listenPort} of LBINTEGRATION is already that of ${other.name}`, remedy }];
    if (OWN_PORTS.includes(endpoint.listenPort))
      return [{ path, message: `LBINTEGRATION itself uses port ${endpoint.listenPort}`, remedy }];
    return [];
  });
}

function accessProblems(access: PlatformConfig["access"]): readonly Problem[] {
  return (["administratorNetworks", "deployerNetworks"] as const).flatMap((key) =>
    access[key].flatMap((network, index): Problem[] =>
      network.endsWith("/0")
        ? [
            {
              path: `platform:access.${key}[${index}]`,
              message: `${network} opens SSH on every machine to the whole world`,
              remedy: "Write the networks these people really come from",
            },
          ]
        : [],
    ),
  );
}

/** Every problem that only shows between values. `raw` serves the zones, whose parts are checked even when some are wrong. */
export function crossProblems(sections: ParsedSections, raw: Readonly<Record<string, unknown>>): readonly Problem[] {
  const rawZones = raw["zones"];
  const base = sections.users === undefined ? undefined : planSizes({ users: sections.users, prefix: sections.prefix });
  return [
    ...ZONES.flatMap((zone) => zoneProblems(zone, isRecord(rawZones) ? rawZones[zone] : undefined)),
    ...zoneOverlaps(rawZones),
    ...(base === undefined ? [] : poolProblems(rawZones, base)),
    ...nameProblems(sections.prefix, sections.domain),
    ...(base === undefined || sections.overrides === undefined
      ? []
      : overrideProblems(sections.overrides, base, sections.prefix, sections.products ?? [])),
    ...(sections.externalServices === undefined ? [] : integrationProblems(sections.externalServices)),
    ...checksumProblems(sections),
    ...(sections.clusters === undefined || sections.zones === undefined
      ? []
      : clusterNetworkProblems(sections.clusters, sections.zones, sections.access)),
    ...(sections.access === undefined ? [] : accessProblems(sections.access)),
  ];
}
