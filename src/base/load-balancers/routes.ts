import type { ClusterName, Group } from "../../../sizing/tiers";
import type { PlatformConfig } from "../../config/schema";
import { CLUSTER_API_PORTS, KAFKA_PORTS } from "../../network/addresses";
import { serviceHost, serviceNamesFor } from "../../network/dns";
import type { ServiceLabel } from "../../network/dns";
import type { PlatformPlan } from "../../plan/platform-plan";
import type { BackEnd, Check, FrontEnd, Route, Server } from "../haproxy";
import { CERTIFICATE_FILE } from "../haproxy-files";
import { FOR_DMZ, HOME_PATHS, HOMES, RANCHER_FOR_PEOPLE } from "./homes";
import type { Home } from "./homes";

/** Which front ends and back ends each pair of load balancers has: every service name, from the plan alone. */

export type LoadBalancerGroup = Extract<Group, "lblan" | "lbdmz" | "lbintegration">;

export const LOAD_BALANCER_GROUPS = ["lblan", "lbdmz", "lbintegration"] as const satisfies readonly LoadBalancerGroup[];

/** What one pair listens on and sends where. */
export interface PairRoutes {
  readonly frontEnds: readonly FrontEnd[];
  readonly backEnds: readonly BackEnd[];
  /** DNS names its certificate must hold; none where it opens no TLS. */
  readonly names: readonly string[];
}

const HTTPS = 443;

/** Connections for each concurrent user: a browser opens several, to more than one name. */
const CONNECTIONS_PER_USER = 4;
const LEAST_CONNECTIONS = 2000;
/** Kubernetes' API and registration: people, programs and nodes, whatever the users. */
const API_CONNECTIONS = 500;

/** How many connections a front end for users holds; behind one address, a tenth: an office, or a mobile network, shares one. */
function userConnections(plan: PlatformPlan): { readonly all: number; readonly tcp: number; readonly perSource: number } {
  const all = Math.max(LEAST_CONNECTIONS, plan.users * CONNECTIONS_PER_USER);
  return { all, tcp: all / 4, perSource: all / 10 };
}

function servers(plan: PlatformPlan, holds: (machine: PlatformPlan["machines"][number]) => boolean, port: number): readonly Server[] {
  return plan.machines.filter(holds).map(({ name, ip }) => ({ name, host: ip, port }));
}

/** Every node that runs the cluster's ingress. */
function ingress(plan: PlatformPlan, cluster: ClusterName, checkName: string): BackEnd {
  return {
    name: `ingress-${cluster}`,
    mode: "http",
    servers: servers(plan, (machine) => machine.cluster === cluster && machine.roles.includes("worker"), HTTPS),
    // Traefik's own health, on the ingress port itself: any other path answers 404 for a host that it does not know.
    check: { kind: "http", path: "/ping", expect: [200] },
    tls: { checkName },
  };
}

function service(plan: PlatformPlan, home: Home, group: Group, port: number, serverName: string, check: Check): BackEnd {
  return {
    name: home,
    mode: "http",
    servers: servers(plan, (machine) => machine.group === group, port),
    check,
    tls: { serverName, checkName: serverName },
  };
}

function address(plan: PlatformPlan, name: string): string {
  const found = plan.virtualAddresses.find((each) => each.name === name);
  if (found === undefined) throw new RangeError(`the plan has no virtual address ${name}`);
  return found.ip;
}

/** The Kubernetes API and RKE2's supervisor of a cluster, on the cluster's own address. */
function clusterApi(plan: PlatformPlan, cluster: ClusterName): Pick<PairRoutes, "frontEnds" | "backEnds"> {
  const names = CLUSTER_API_PORTS.map((port) => ({ port, name: `api-${cluster}-${port}` }));
  return {
    frontEnds: names.map(({ port, name }) => ({
      kind: "tcp",
      name,
      address: address(plan, `api-${cluster}`),
      port,
      connections: API_CONNECTIONS,
      backEnd: name,
    })),
    backEnds: names.map(({ port, name }) => ({
      name,
      mode: "tcp",
      servers: servers(plan, (machine) => machine.cluster === cluster && machine.roles.includes("control-plane"), port),
      // Its certificate is of an authority that the cluster makes for itself: a check over TLS could not verify it.
      check: { kind: "connect" },
    })),
  };
}

function kafka(
  plan: PlatformPlan,
  at: "lblan" | "lbdmz",
  to: readonly { name: string; ip: string }[],
): Pick<PairRoutes, "frontEnds" | "backEnds"> {
  const ports = KAFKA_PORTS.map((port) => ({ port, name: `kafka-${port}` }));
  return {
    frontEnds: ports.map(({ port, name }) => ({
      kind: "tcp",
      name,
      address: address(plan, at),
      port,
      connections: userConnections(plan).tcp,
      connectionsPerSource: at === "lbdmz" ? userConnections(plan).perSource : undefined,
      backEnd: name,
    })),
    backEnds: ports.map(({ port, name }) => ({
      name,
      mode: "tcp",
      servers: to.map((server) => ({ name: server.name, host: server.ip, port })),
      check: { kind: "connect" },
    })),
  };
}

/** Every name that LBLAN answers for, with its place behind it. */
function lanHomes(config: PlatformConfig): readonly { label: ServiceLabel; home: Home; host: string }[] {
  return serviceNamesFor(config.products).flatMap(({ label }) => {
    const home = HOMES[label];
    return home === undefined ? [] : [{ label, home, host: serviceHost(config, label) }];
  });
}

function lanRoutes(config: PlatformConfig, plan: PlatformPlan): PairRoutes {
  const homes = lanHomes(config);
  const host = (label: ServiceLabel): string => serviceHost(config, label);
  const all: Readonly<Record<Home, BackEnd>> = {
    apps: { ...ingress(plan, "apps", host("argocd-apps")), name: "apps" },
    middleware: { ...ingress(plan, "middleware", host("argocd-mw")), name: "middleware" },
    dmz: { ...ingress(plan, "dmz", host("argocd-dmz")), name: "dmz" },
    gogs: service(plan, "gogs", "gitops", HTTPS, host("gogs"), { kind: "http", path: "/healthcheck", expect: [200] }),
    // 401 is what a registry answers to whoever does not say who they are.
    registry: service(plan, "registry", "gitops", 8443, host("registry"), { kind: "http", path: "/v2/", expect: [401] }),
    // Sealed answers 503, so requests get an error at once instead of one from Vault.
    vault: service(plan, "vault", "vault", 8200, host("vault"), { kind: "http", path: "/v1/sys/health", expect: [200] }),
    coroot: service(plan, "coroot", "monitoring", 8080, host("coroot"), { kind: "http", path: "/health", expect: [200] }),
    "backup-console": service(plan, "backup-console", "monitoring", 9001, host("minio-backup"), {
      kind: "http",
      path: "/healthz",
      expect: [200],
    }),
  };
  const used = [...new Set(homes.map(({ home }) => home))];
  const ip = address(plan, "lblan");
  const brokers = kafka(
    plan,
    "lblan",
    plan.machines.filter((machine) => machine.cluster === "middleware"),
  );
  const apis = (["apps", "middleware"] as const).map((cluster) => clusterApi(plan, cluster));
  const routes = homes.map(({ label, home, host: name }): Route => {
    const below = HOME_PATHS[label];
    return { host: name, backEnd: home, ...(below === undefined ? {} : { home: below }) };
  });
  const edge = plan.machines.filter((machine) => machine.group === "lbdmz").map((machine) => machine.ip);
  return {
    names: homes.map(({ host: name }) => name),
    frontEnds: [
      {
        kind: "https",
        name: "services",
        address: ip,
        port: HTTPS,
        connections: userConnections(plan).all,
        certificate: CERTIFICATE_FILE,
        routes,
        trustedProxies: edge,
        restricted: {
          networks: [config.zones.dmz.cidr],
          hosts: homes.filter(({ label }) => FOR_DMZ.includes(label)).map(({ host: name }) => name),
          closed: { host: host("rancher"), paths: RANCHER_FOR_PEOPLE },
        },
      },
      { kind: "redirect", name: "to-https", address: ip, port: 80, connections: userConnections(plan).tcp },
      { kind: "tcp", name: "coroot-ingest", address: ip, port: 8080, connections: API_CONNECTIONS, backEnd: "coroot-ingest" },
      ...brokers.frontEnds,
      ...apis.flatMap((api) => api.frontEnds),
    ],
    backEnds: [
      ...used.map((home) => all[home]),
      {
        name: "coroot-ingest",
        mode: "tcp",
        servers: servers(plan, (machine) => machine.group === "monitoring", 8080),
        check: { kind: "connect" },
      },
      ...brokers.backEnds,
      ...apis.flatMap((api) => api.backEnds),
    ],
  };
}

function dmzRoutes(config: PlatformConfig, plan: PlatformPlan): PairRoutes {
  const ip = address(plan, "lbdmz");
  const lan = { name: "lblan", ip: address(plan, "lblan") };
  const portal = config.products.includes("eservices") ? serviceHost(config, "ael-client-ui") : undefined;
  const api = serviceHost(config, "api");
  const brokers = kafka(plan, "lbdmz", [lan]);
  const clusterApis = clusterApi(plan, "dmz");
  const bootstrap = serviceHost(config, "kafka-mobile");
  return {
    names: [...(portal === undefined ? [] : [portal]), api, bootstrap],
    frontEnds: [
      {
        kind: "https",
        name: "public",
        address: ip,
        port: HTTPS,
        connections: userConnections(plan).all,
        connectionsPerSource: userConnections(plan).perSource,
        certificate: CERTIFICATE_FILE,
        routes: [...(portal === undefined ? [] : [{ host: portal, backEnd: "portal" }]), { host: api, backEnd: "dmz" }],
        // The internet's word on addresses counts for nothing.
        trustedProxies: [],
      },
      {
        kind: "redirect",
        name: "to-https",
        address: ip,
        port: 80,
        connections: userConnections(plan).tcp,
        connectionsPerSource: userConnections(plan).perSource,
      },
      ...brokers.frontEnds,
      ...clusterApis.frontEnds,
    ],
    backEnds: [
      ...(portal === undefined
        ? []
        : [
            {
              name: "portal",
              mode: "http" as const,
              servers: [{ name: lan.name, host: lan.ip, port: HTTPS }],
              // LBLAN itself answers; whether the portal behind it does is for LBLAN to know.
              check: { kind: "connect" as const },
              tls: { serverName: portal, checkName: portal },
            },
          ]),
      { ...ingress(plan, "dmz", api), name: "dmz" },
      ...brokers.backEnds,
      ...clusterApis.backEnds,
    ],
  };
}

function integrationRoutes(plan: PlatformPlan): PairRoutes {
  const ip = address(plan, "lbintegration");
  return {
    names: [],
    frontEnds: plan.external.map(({ name, listenPort }) => ({
      kind: "tcp",
      name,
      address: ip,
      port: listenPort,
      connections: userConnections(plan).tcp,
      backEnd: name,
    })),
    backEnds: plan.external.map(({ name, host, port }) => ({
      name,
      mode: "tcp",
      servers: [{ name, host, port }],
      check: { kind: "connect" },
      resolvers: true,
    })),
  };
}

/** What the pair of this group does. Pure: same config and plan, same routes. */
export function pairRoutes(config: PlatformConfig, plan: PlatformPlan, group: LoadBalancerGroup): PairRoutes {
  switch (group) {
    case "lblan":
      return lanRoutes(config, plan);
    case "lbdmz":
      return dmzRoutes(config, plan);
    case "lbintegration":
      return integrationRoutes(plan);
  }
}
