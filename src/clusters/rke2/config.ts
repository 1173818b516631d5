import { NODE_RESERVES } from "../../../sizing/workloads";
import { prefixed } from "../../../sizing/plan";
import type { ClusterName } from "../../../sizing/tiers";
import type { PlatformConfig } from "../../config/schema";
import { serviceHost } from "../../network/dns";
import type { PlannedMachine, PlatformPlan } from "../../plan/platform-plan";
import { toYaml } from "../../shared/yaml";
import { POD_SECURITY_PATH } from "./pod-security";

/** RKE2's own configuration of one node, in RKE2's own keys: what its cluster, its role and the node itself say, merged. */

export const SUPERVISOR_PORT = 9345;
export const API_PORT = 6443;

export const AUDIT_POLICY_PATH = "/etc/rancher/rke2/audit-policy.yaml";

/** What both servers and agents read. */
export interface AgentConfig {
  readonly "node-name": string;
  readonly "node-ip": string;
  readonly "node-label"?: readonly string[];
  readonly "node-taint"?: readonly string[];
  readonly token: string;
  /** Where to register; absent on the server that makes the cluster. */
  readonly server?: string;
  readonly profile: "cis";
  readonly "protect-kernel-defaults": boolean;
  readonly "kubelet-arg": readonly string[];
  readonly "disable-default-registry-endpoint": boolean;
  readonly "system-default-registry"?: string;
}

/** What a server reads beyond that. */
export interface ServerConfig extends AgentConfig {
  readonly "tls-san": readonly string[];
  readonly cni: "canal";
  readonly "cluster-cidr": string;
  readonly "service-cidr": string;
  readonly "ingress-controller": "traefik";
  readonly "secrets-encryption-provider": "secretbox";
  readonly "audit-policy-file": string;
  readonly "pod-security-admission-config-file": string;
  readonly "kube-apiserver-arg": readonly string[];
  readonly "write-kubeconfig-mode": "0600";
  readonly "etcd-snapshot-schedule-cron": string;
  readonly "etcd-snapshot-retention": number;
  readonly "etcd-s3"?: boolean;
  readonly "etcd-s3-endpoint"?: string;
  readonly "etcd-s3-endpoint-ca"?: string;
  readonly "etcd-s3-region"?: string;
  readonly "etcd-s3-bucket"?: string;
  readonly "etcd-s3-folder"?: string;
  readonly "etcd-s3-access-key"?: string;
  readonly "etcd-s3-secret-key"?: string;
  readonly "etcd-s3-retention"?: number;
}

/** What a node's files hold that is secret. */
export interface NodeSecrets {
  /** What nodes of this cluster register with: the short form for the first server, for others the full one, which pins the cluster's authority. */
  readonly token: string;
  /** Secret key of the backup store's account for etcd. */
  readonly backupSecretKey: string;
}

/** Where etcd's snapshots go. */
export interface SnapshotStore {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKey: string;
  /** A file with what the store's certificate must lead to. */
  readonly authority: string;
}

/** Every six hours; a week of them. */
const SNAPSHOT_CRON = "0 */6 * * *";
const SNAPSHOT_RETENTION = 28;

/** Keeps what only runs the cluster off a control plane with machines of its own, and everything else too. */
const CONTROL_PLANE_TAINT = "CriticalAddonsOnly=true:NoExecute";

/** Longhorn makes its first disk on nodes that say so. */
const STORAGE_LABEL = "node.longhorn.io/create-default-disk=true";

/** The address and the name under which a cluster's API is reached. */
export function apiAddress(
  config: Pick<PlatformConfig, "prefix" | "domain">,
  plan: PlatformPlan,
  cluster: ClusterName,
): { readonly ip: string; readonly name: string } {
  const found = plan.virtualAddresses.find((each) => each.name === `api-${cluster}`);
  if (found === undefined) throw new RangeError(`the plan has no address for the API of cluster ${cluster}`);
  return { ip: found.ip, name: `${prefixed(config.prefix, found.name)}.${config.domain}` };
}

/** A cluster's machines: servers first, in the order in which they join. */
export function clusterNodes(
  plan: PlatformPlan,
  cluster: ClusterName,
): { servers: readonly PlannedMachine[]; agents: readonly PlannedMachine[] } {
  const nodes = plan.machines.filter((machine) => machine.cluster === cluster);
  return {
    servers: nodes.filter((machine) => machine.roles.includes("control-plane")),
    agents: nodes.filter((machine) => !machine.roles.includes("control-plane")),
  };
}

function nodeLabels(machine: PlannedMachine): readonly string[] {
  return machine.roles.includes("storage") && machine.cluster !== "dmz" ? [STORAGE_LABEL] : [];
}

export function nodeTaints(machine: PlannedMachine): readonly string[] {
  return machine.roles.includes("control-plane") && !machine.roles.includes("worker") ? [CONTROL_PLANE_TAINT] : [];
}

/** What the kubelet sets aside for the system, so that the plan's proof of capacity and the scheduler agree. */
function kubeletArguments(): readonly string[] {
  const [system] = NODE_RESERVES;
  if (system === undefined) throw new RangeError("the sizing model has no reserve for the system");
  return [
    `system-reserved=cpu=${system.cpuMillicores}m,memory=${system.memoryMib}Mi`,
    "eviction-hard=memory.available<200Mi,nodefs.available<10%,imagefs.available<10%,nodefs.inodesFree<5%",
  ];
}

function agentConfig(config: PlatformConfig, machine: PlannedMachine, token: string, server: string | undefined): AgentConfig {
  const labels = nodeLabels(machine);
  const taints = nodeTaints(machine);
  return {
    "node-name": machine.name,
    "node-ip": machine.ip,
    ...(labels.length === 0 ? {} : { "node-label": labels }),
    ...(taints.length === 0 ? {} : { "node-taint": taints }),
    token,
    ...(server === undefined ? {} : { server }),
    profile: "cis",
    "protect-kernel-defaults": true,
    "kubelet-arg": kubeletArguments(),
    // Images come through the platform's registry or not at all.
    "disable-default-registry-endpoint": config.artifacts.mode === "mirrored",
    ...(config.artifacts.mode === "mirrored" ? { "system-default-registry": serviceHost(config, "registry") } : {}),
  };
}

const API_SERVER_ARGUMENTS = [
  "audit-log-path=/var/lib/rancher/rke2/server/logs/audit.log",
  "audit-log-maxage=30",
  "audit-log-maxbackup=10",
  "audit-log-maxsize=100",
  // The CIS benchmark: tokens of service accounts end when they say they do.
  "service-account-extend-token-expiration=false",
  "tls-min-version=VersionTLS12",
];

function serverConfig(
  config: PlatformConfig,
  plan: PlatformPlan,
  machine: PlannedMachine,
  secrets: NodeSecrets,
  store: SnapshotStore | undefined,
  joining: boolean,
): ServerConfig {
  const cluster = clusterOf(machine);
  const api = apiAddress(config, plan, cluster);
  return {
    ...agentConfig(config, machine, secrets.token, joining ? `https://${api.ip}:${SUPERVISOR_PORT}` : undefined),
    "tls-san": [api.ip, api.name],
    cni: "canal",
    "cluster-cidr": config.clusters.podNetwork,
    "service-cidr": config.clusters.serviceNetwork,
    "ingress-controller": "traefik",
    "secrets-encryption-provider": "secretbox",
    "audit-policy-file": AUDIT_POLICY_PATH,
    "pod-security-admission-config-file": POD_SECURITY_PATH,
    "kube-apiserver-arg": API_SERVER_ARGUMENTS,
    "write-kubeconfig-mode": "0600",
    "etcd-snapshot-schedule-cron": SNAPSHOT_CRON,
    "etcd-snapshot-retention": SNAPSHOT_RETENTION,
    ...(store === undefined
      ? {}
      : {
          "etcd-s3": true,
          "etcd-s3-endpoint": store.endpoint,
          "etcd-s3-endpoint-ca": store.authority,
          "etcd-s3-region": store.region,
          "etcd-s3-bucket": store.bucket,
          "etcd-s3-folder": cluster,
          "etcd-s3-access-key": store.accessKey,
          "etcd-s3-secret-key": secrets.backupSecretKey,
          // Counted over all servers there.
          "etcd-s3-retention": SNAPSHOT_RETENTION * clusterNodes(plan, cluster).servers.length,
        }),
  };
}

/** The cluster a node belongs to. @throws RangeError for a machine of none. */
export function clusterOf(machine: PlannedMachine): ClusterName {
  if (machine.cluster === undefined) throw new RangeError(`${machine.name} belongs to no cluster`);
  return machine.cluster;
}

/** Whether this is the server that makes its cluster: the first of its group, whatever else changes. */
export function makesCluster(machine: PlannedMachine): boolean {
  return machine.roles.includes("control-plane") && machine.ordinal === 1;
}

/** /etc/rancher/rke2/config.yaml of one node. */
export function renderRke2Config(
  config: PlatformConfig,
  plan: PlatformPlan,
  machine: PlannedMachine,
  secrets: NodeSecrets,
  store: SnapshotStore | undefined,
): string {
  if (machine.roles.includes("control-plane")) {
    return toYaml(serverConfig(config, plan, machine, secrets, store, !makesCluster(machine)));
  }
  const { ip } = apiAddress(config, plan, clusterOf(machine));
  return toYaml(agentConfig(config, machine, secrets.token, `https://${ip}:${SUPERVISOR_PORT}`));
}
