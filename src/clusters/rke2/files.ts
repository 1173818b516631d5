import { BACKUP_REGION, BACKUP_STORE_PORT } from "../../base/backups/files";
import { accessKeyOf } from "../../base/backups/store";
import type { PlatformConfig } from "../../config/schema";
import type { PlannedMachine, PlatformPlan } from "../../plan/platform-plan";
import { artifact, artifactVersion } from "../../remote/artifact";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle, ManagedFile } from "../../remote/bundle";
import { withoutProxy } from "../without-proxy";
import { renderAuditPolicy } from "./audit-policy";
import { apiAddress, AUDIT_POLICY_PATH, clusterNodes, clusterOf, makesCluster, nodeTaints, renderRke2Config } from "./config";
import type { NodeSecrets, SnapshotStore } from "./config";
import { POD_SECURITY_PATH, renderPodSecurity } from "./pod-security";
import { renderRegistries, ROOT_CERTIFICATE } from "./registries";
import { renderIngressSecret, renderTraefikConfig } from "./traefik";

const SERVICE = "rke2";
const FOLDER = "/etc/platform/rke2";
const MANIFESTS = "/var/lib/rancher/rke2/server/manifests";

/** What a node's bundle holds that the program generates. */
export interface NodeMaterial extends NodeSecrets {
  readonly registryPassword: string;
  /** For the ingress, PEM. */
  readonly certificate: { readonly chain: string; readonly key: string };
}

/** Longest a first start and its gates may take: images of the control plane come over the network. */
const START_SECONDS = 3600;
/** Longest a removal waits for others on the same server: one node is drained at a time. */
const REMOVAL_LOCK_SECONDS = 3000;

/** Where the cluster's etcd snapshots go: the backup store, which the DMZ may not reach, so there they stay on the nodes' disks. */
export function snapshotStore(plan: PlatformPlan, machine: PlannedMachine): SnapshotStore | undefined {
  if (machine.cluster === "dmz") return undefined;
  const store = plan.machines.find((each) => each.roles.includes("backup"));
  if (store === undefined) throw new RangeError("the plan has no machine for backups");
  return {
    endpoint: `${store.ip}:${BACKUP_STORE_PORT}`,
    region: BACKUP_REGION,
    bucket: "etcd",
    accessKey: accessKeyOf("etcd"),
    authority: ROOT_CERTIFICATE,
  };
}

/** Kernel settings that RKE2's CIS profile insists on, and what Kubernetes' network needs. */
const SYSCTL = [
  "vm.panic_on_oom=0",
  "vm.overcommit_memory=1",
  "kernel.panic=10",
  "kernel.panic_on_oops=1",
  "net.ipv4.ip_forward=1",
  "net.bridge.bridge-nf-call-iptables=1",
  "# Agents that watch logs and files on a full node.",
  "fs.inotify.max_user_instances=8192",
  "fs.inotify.max_user_watches=524288",
  "",
].join("\n");

/** systemd units read no profile: what pulls images is told of the proxy by a file of its own, and of all that needs none. */
function proxyFile(config: PlatformConfig, machine: PlannedMachine): readonly ManagedFile[] {
  if (config.proxy === undefined || config.artifacts.mode === "mirrored") return [];
  const { url } = config.proxy;
  const unit = machine.roles.includes("control-plane") ? "rke2-server" : "rke2-agent";
  return [managedFile(`/etc/default/${unit}`, `HTTP_PROXY=${url}\nHTTPS_PROXY=${url}\nNO_PROXY=${withoutProxy(config).join(",")}\n`)];
}

function commonFiles(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine, material: NodeMaterial): readonly ManagedFile[] {
  const { servers } = clusterNodes(plan, clusterOf(machine));
  const others = servers.filter((each) => each.name !== machine.name).map((each) => each.ip);
  const settings = {
    node: machine.name,
    ip: machine.ip,
    cluster: clusterOf(machine),
    api: apiAddress(config, plan, clusterOf(machine)).ip,
    version: `v${artifactVersion(config, "rke2")}`,
    role: machine.roles.includes("control-plane") ? "server" : "agent",
    makesCluster: makesCluster(machine),
    otherServers: others,
    taints: nodeTaints(machine),
  };
  return [
    managedFile(`${FOLDER}/settings.json`, `${JSON.stringify(settings, undefined, 2)}\n`),
    managedFile("/etc/rancher/rke2/config.yaml", renderRke2Config(config, plan, machine, material, snapshotStore(plan, machine)), "0600"),
    managedFile("/etc/rancher/rke2/registries.yaml", renderRegistries(config, plan, material.registryPassword), "0600"),
    ...proxyFile(config, machine),
    managedFile("/etc/modules-load.d/90-rke2.conf", "overlay\nbr_netfilter\n"),
    managedFile("/etc/sysctl.d/90-rke2.conf", SYSCTL),
    ...["prepare-node.sh", "install-rke2.sh", "join.py", "rke2_node.py"].map((name) => scriptFile(SERVICE, __dirname, name)),
  ];
}

function serverFiles(plan: PlatformPlan, machine: PlannedMachine, material: NodeMaterial): readonly ManagedFile[] {
  return [
    managedFile(AUDIT_POLICY_PATH, renderAuditPolicy(), "0600"),
    managedFile(POD_SECURITY_PATH, renderPodSecurity(clusterOf(machine)), "0600"),
    scriptFile(SERVICE, __dirname, "remove-node.py"),
    // RKE2 does not copy manifests between servers, and the first one of them is enough.
    ...(makesCluster(machine)
      ? [
          managedFile(`${MANIFESTS}/platform-traefik.yaml`, renderTraefikConfig(plan, clusterOf(machine)), "0600"),
          managedFile(
            `${MANIFESTS}/platform-ingress-certificate.yaml`,
            renderIngressSecret(material.certificate.chain, material.certificate.key),
            "0600",
          ),
        ]
      : []),
  ];
}

/** One node of a cluster: prepared, RKE2 installed, joined, known to the cluster as ready. */
export function nodeBundle(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine, material: NodeMaterial): Bundle {
  const program = artifact(config, "rke2");
  const isServer = machine.roles.includes("control-plane");
  return {
    name: SERVICE,
    files: [...program.files, ...commonFiles(config, plan, machine, material), ...(isServer ? serverFiles(plan, machine, material) : [])],
    steps: [
      { name: "prepare", path: scriptPath(SERVICE, "prepare-node.sh"), timeoutSeconds: 120 },
      program.step,
      { name: "install", path: scriptPath(SERVICE, "install-rke2.sh"), timeoutSeconds: 300 },
      { name: "join", path: scriptPath(SERVICE, "join.py"), timeoutSeconds: START_SECONDS },
    ],
  };
}

/** Takes a node out of its cluster, on another server of it: drained where it still runs, then forgotten. */
export function removalBundle(machine: PlannedMachine): Bundle {
  const script = scriptFile(SERVICE, __dirname, "remove-node.py");
  return {
    name: `rke2-remove-${machine.name}`,
    lockSeconds: REMOVAL_LOCK_SECONDS,
    files: [{ ...script, path: scriptPath(SERVICE, `remove-node-${machine.name}.py`) }, scriptFile(SERVICE, __dirname, "rke2_node.py")],
    steps: [{ name: `remove ${machine.name}`, path: scriptPath(SERVICE, `remove-node-${machine.name}.py`), timeoutSeconds: 600 }],
  };
}
