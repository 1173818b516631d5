import type { ClusterName, Group, Role, Tier } from "./tiers";
import { TIERS } from "./tiers";
import type { Resources } from "./units";

/**
 * What runs on the machines: CPU and memory requests, copies and priority of every component per tier.
 *
 * Units: millicores and MiB, per copy. Requests are what the scheduler sets aside, not what a component may burst to.
 * Source of every figure: *assumption*, set from the components' own documented minimums and defaults
 * (RKE2's static pods, Rancher, Argo CD, Keycloak's operator, Strimzi, Gravitee, NeuVector, Coroot; versions in
 * `src/config/versions.ts`) and to be replaced by measurements once a platform of that tier has run.
 */

export type Product = "eservices" | "gco";

/** `high` must still fit with one node of its cluster down; `normal` may wait for it. */
export type Priority = "high" | "normal";

/** A figure for each tier, in the order 100, 500, 1000, 10000. Never falls as users grow. */
type PerTier = readonly [number, number, number, number];

export interface Workload {
  readonly component: string;
  readonly cluster: ClusterName;
  readonly priority: Priority;
  /** Copies, each placed on its own by the scheduler. */
  readonly copies: PerTier;
  readonly cpuMillicores: PerTier;
  readonly memoryMib: PerTier;
  /** Only with this product; always when undefined. */
  readonly product?: Product;
}

/** What every node of a role set gives away before any workload is placed. */
export interface NodeReserve extends Resources {
  readonly what: string;
  /** Nodes that pay it: all of them, or those with this role. */
  readonly role?: Role;
}

const same = (value: number): PerTier => [value, value, value, value];

/** Paid by each node, whatever the tier. */
export const NODE_RESERVES: readonly NodeReserve[] = [
  { what: "operating system, kubelet, containerd", cpuMillicores: 250, memoryMib: 512 },
  { what: "kube-proxy and Canal", cpuMillicores: 200, memoryMib: 160 },
  { what: "Coroot node agent", cpuMillicores: 50, memoryMib: 96 },
  { what: "NeuVector enforcer", cpuMillicores: 100, memoryMib: 192 },
  {
    what: "etcd, API server, scheduler, controller managers",
    role: "control-plane",
    cpuMillicores: 850,
    memoryMib: 1408,
  },
  { what: "Traefik", role: "worker", cpuMillicores: 100, memoryMib: 96 },
];

/** Longhorn runs on APPS and MIDDLEWARE only; its daemons pay on each storage node there. */
export const LONGHORN_RESERVE: NodeReserve = {
  what: "Longhorn manager, CSI plugin, instance manager",
  role: "storage",
  cpuMillicores: 600,
  memoryMib: 512,
};

interface Request {
  readonly priority?: Priority;
  readonly copies?: PerTier;
  readonly cpu: PerTier;
  readonly memory: PerTier;
  readonly product?: Product;
}

function workload(cluster: ClusterName, component: string, request: Request): Workload {
  return {
    component,
    cluster,
    priority: request.priority ?? "normal",
    copies: request.copies ?? same(1),
    cpuMillicores: request.cpu,
    memoryMib: request.memory,
    ...(request.product === undefined ? {} : { product: request.product }),
  };
}

/** Components that each cluster runs the same way. */
function everyCluster(cluster: ClusterName): readonly Workload[] {
  return [
    workload(cluster, "argocd-controller", {
      copies: [1, 1, 1, 1],
      cpu: [100, 250, 250, 500],
      memory: [384, 512, 768, 1536],
    }),
    workload(cluster, "argocd-server", { copies: [1, 2, 2, 2], cpu: same(50), memory: [96, 128, 128, 256] }),
    workload(cluster, "argocd-repo-server", { copies: [1, 2, 2, 2], cpu: [50, 100, 100, 200], memory: [192, 256, 256, 512] }),
    workload(cluster, "argocd-redis", { copies: [1, 3, 3, 3], cpu: same(50), memory: [64, 64, 64, 128] }),
    workload(cluster, "cert-manager", { priority: "high", copies: [1, 2, 2, 2], cpu: same(50), memory: same(96) }),
    workload(cluster, "cert-manager-webhook", { priority: "high", copies: [1, 2, 3, 3], cpu: same(25), memory: same(48) }),
    workload(cluster, "cert-manager-cainjector", { copies: [1, 2, 2, 2], cpu: same(25), memory: same(96) }),
    workload(cluster, "vault-injector", { priority: "high", copies: [1, 2, 2, 2], cpu: same(50), memory: same(64) }),
    workload(cluster, "neuvector-controller", { copies: [1, 3, 3, 3], cpu: same(100), memory: [288, 384, 512, 768] }),
    workload(cluster, "neuvector-manager", { cpu: same(50), memory: [192, 256, 256, 256] }),
    workload(cluster, "neuvector-scanner", { copies: [1, 1, 2, 3], cpu: same(50), memory: [384, 512, 512, 512] }),
    workload(cluster, "coroot-cluster-agent", { cpu: same(50), memory: [128, 256, 256, 512] }),
    workload(cluster, "coredns", { priority: "high", copies: same(2), cpu: same(100), memory: same(96) }),
    workload(cluster, "metrics-server", { cpu: same(100), memory: same(128) }),
  ];
}

function longhorn(cluster: ClusterName): Workload {
  return workload(cluster, "longhorn-csi-and-ui", {
    priority: "high",
    copies: [3, 6, 8, 8],
    cpu: same(50),
    memory: same(64),
  });
}

/** Every workload of the platform; products are left out by `workloadsFor`. */
export const WORKLOADS: readonly Workload[] = [
  ...everyCluster("apps"),
  longhorn("apps"),
  workload("apps", "cattle-cluster-agent", { copies: [1, 2, 2, 2], cpu: same(50), memory: [192, 256, 256, 384] }),
  workload("apps", "gravitee-lan-gateway", {
    priority: "high",
    copies: [1, 2, 2, 3],
    cpu: [200, 300, 500, 1000],
    memory: [512, 512, 768, 1024],
  }),
  workload("apps", "gravitee-lan-api", { copies: [1, 1, 2, 2], cpu: same(250), memory: [768, 768, 1024, 1024] }),
  workload("apps", "gravitee-lan-consoles", { copies: [2, 2, 2, 4], cpu: same(50), memory: same(64) }),
  workload("apps", "gravitee-lan-mongodb", { priority: "high", copies: [1, 3, 3, 3], cpu: same(150), memory: [512, 512, 768, 1024] }),
  workload("apps", "gravitee-lan-elasticsearch", { copies: [1, 1, 3, 3], cpu: [250, 250, 500, 1000], memory: [1024, 1024, 2048, 4096] }),
  workload("apps", "eservices-front-office", {
    product: "eservices",
    priority: "high",
    copies: [1, 2, 4, 8],
    cpu: [150, 250, 500, 1000],
    memory: [384, 384, 512, 1024],
  }),
  workload("apps", "eservices-internal-front-office", {
    product: "eservices",
    copies: [1, 1, 2, 4],
    cpu: [100, 100, 250, 500],
    memory: [384, 384, 512, 1024],
  }),
  workload("apps", "eservices-back-office", {
    product: "eservices",
    copies: [1, 1, 2, 4],
    cpu: [100, 100, 250, 500],
    memory: [384, 384, 512, 1024],
  }),
  workload("apps", "eservices-services", {
    product: "eservices",
    priority: "high",
    copies: [3, 4, 8, 12],
    cpu: [150, 250, 500, 1000],
    memory: [512, 640, 1024, 2048],
  }),
  workload("apps", "gco", { product: "gco", copies: [1, 2, 2, 4], cpu: [250, 250, 500, 1000], memory: [1024, 1024, 1536, 2048] }),

  ...everyCluster("middleware"),
  longhorn("middleware"),
  workload("middleware", "rancher", { copies: same(3), cpu: [100, 150, 250, 500], memory: [512, 512, 768, 1024] }),
  workload("middleware", "cloudnative-pg-operator", { copies: [1, 1, 2, 2], cpu: same(50), memory: [128, 128, 192, 256] }),
  workload("middleware", "keycloak-postgresql", {
    priority: "high",
    copies: [1, 2, 3, 3],
    cpu: [100, 200, 300, 500],
    memory: [256, 512, 512, 1024],
  }),
  workload("middleware", "n8n-postgresql", { copies: [1, 2, 3, 3], cpu: same(100), memory: [256, 256, 512, 1024] }),
  workload("middleware", "flowable-postgresql", {
    product: "eservices",
    copies: [1, 2, 3, 3],
    cpu: same(100),
    memory: [256, 256, 512, 1024],
  }),
  workload("middleware", "object-store", {
    priority: "high",
    copies: [1, 4, 4, 4],
    cpu: [100, 100, 250, 500],
    memory: [512, 512, 1024, 2048],
  }),
  workload("middleware", "keycloak-operator", { cpu: same(50), memory: same(256) }),
  workload("middleware", "keycloak", {
    priority: "high",
    copies: [1, 2, 2, 3],
    cpu: [300, 300, 500, 1500],
    memory: [896, 896, 1280, 2048],
  }),
  workload("middleware", "strimzi-operator", { copies: [1, 1, 2, 2], cpu: same(100), memory: same(384) }),
  workload("middleware", "kafka", { priority: "high", copies: same(3), cpu: [150, 300, 500, 2000], memory: [640, 1024, 2048, 6144] }),
  // Separate controllers from 1000 users; below that the brokers take both roles.
  workload("middleware", "kafka-controller", { priority: "high", copies: [0, 0, 3, 3], cpu: same(200), memory: same(768) }),
  workload("middleware", "akhq", { cpu: same(50), memory: [256, 256, 384, 512] }),
  workload("middleware", "n8n-main", { cpu: [100, 100, 250, 500], memory: [384, 384, 512, 1024] }),
  workload("middleware", "n8n-worker", { copies: [1, 1, 2, 6], cpu: [100, 200, 300, 500], memory: [384, 384, 512, 1024] }),
  workload("middleware", "valkey", { cpu: same(50), memory: [64, 64, 128, 512] }),
  workload("middleware", "flowable", {
    product: "eservices",
    copies: [1, 1, 2, 4],
    cpu: [150, 250, 500, 1000],
    memory: [640, 640, 1024, 2048],
  }),

  ...everyCluster("dmz"),
  workload("dmz", "cattle-cluster-agent", { cpu: same(50), memory: [160, 256, 256, 384] }),
  // A gateway without a database: 4 GiB nodes at 100 users hold no MongoDB and Elasticsearch of their own.
  workload("dmz", "gravitee-dmz-gateway", {
    priority: "high",
    copies: [2, 2, 2, 3],
    cpu: [200, 300, 500, 1500],
    memory: [384, 768, 1024, 2048],
  }),
];

/** A service that runs on a machine itself, outside any cluster. */
export interface HostService {
  readonly service: string;
  readonly group: Group;
  readonly cpuMillicores: PerTier;
  readonly memoryMib: PerTier;
}

/** What the infrastructure machines and load balancers run; each must hold the sum of its own. */
export const HOST_SERVICES: readonly HostService[] = [
  ...(["lblan", "lbdmz", "lbintegration"] as const).map((group): HostService => ({
    service: "HAProxy and keepalived",
    group,
    cpuMillicores: [500, 1000, 1000, group === "lbintegration" ? 1000 : 4000],
    memoryMib: [512, 1024, 1024, group === "lbintegration" ? 1024 : 4096],
  })),
  { service: "Docker Registry", group: "gitops", cpuMillicores: [500, 500, 1000, 2000], memoryMib: [512, 512, 1024, 2048] },
  { service: "Gogs", group: "gitops", cpuMillicores: [500, 500, 500, 1000], memoryMib: [512, 512, 512, 1024] },
  { service: "Vault", group: "vault", cpuMillicores: [500, 500, 1000, 2000], memoryMib: [1024, 1024, 2048, 4096] },
  { service: "Coroot", group: "monitoring", cpuMillicores: [500, 500, 1000, 2000], memoryMib: [1024, 2048, 2048, 4096] },
  { service: "ClickHouse", group: "monitoring", cpuMillicores: [1000, 1000, 2000, 3000], memoryMib: [4096, 4096, 4096, 12288] },
  { service: "Prometheus", group: "monitoring", cpuMillicores: [500, 500, 1000, 2000], memoryMib: [2048, 3072, 4096, 8192] },
  { service: "backup object store", group: "monitoring", cpuMillicores: [500, 500, 500, 500], memoryMib: [1024, 1024, 1024, 2048] },
];

/** One component at one tier. */
export interface PlacedWorkload extends Resources {
  readonly component: string;
  readonly priority: Priority;
  readonly copies: number;
}

function at(values: PerTier, tier: Tier): number {
  return values[TIERS.indexOf(tier)] ?? values[0];
}

/** What one cluster must hold at `tier` with these products. */
export function workloadsFor(cluster: ClusterName, tier: Tier, products: readonly Product[]): readonly PlacedWorkload[] {
  return WORKLOADS.filter((each) => each.cluster === cluster && (each.product === undefined || products.includes(each.product))).map(
    (each) => ({
      component: each.component,
      priority: each.priority,
      copies: at(each.copies, tier),
      cpuMillicores: at(each.cpuMillicores, tier),
      memoryMib: at(each.memoryMib, tier),
    }),
  );
}

/** What each machine of `group` must hold at `tier`; empty for cluster nodes. */
export function hostServicesFor(group: Group, tier: Tier): readonly (Resources & { readonly service: string })[] {
  return HOST_SERVICES.filter((each) => each.group === group).map((each) => ({
    service: each.service,
    cpuMillicores: at(each.cpuMillicores, tier),
    memoryMib: at(each.memoryMib, tier),
  }));
}
