import type { ClusterName } from "../../sizing/tiers";
import type { PlatformConfig } from "../config/schema";
import type { PlannedMachine, PlatformPlan } from "../plan/platform-plan";
import type { ManagedFile } from "../remote/bundle";
import { rancherValues } from "./rancher/chart";
import { clustersActiveBundle, importBundle, rancherReadyBundle } from "./rancher/files";
import { clusterOf, makesCluster } from "./rke2/config";
import { nodeBundle } from "./rke2/files";

/** Every file that layer 3 puts on a machine, with placeholders for what is generated or secret. */
export function renderedClusterFiles(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine): readonly ManagedFile[] {
  if (machine.cluster === undefined) return [];
  const token = `cluster-${machine.cluster}-token`;
  const node = nodeBundle(config, plan, machine, {
    token: makesCluster(machine) ? `<secret: ${token}>` : `<secret: ${token}, in its full form>`,
    backupSecretKey: "<secret: backup-etcd>",
    registryPassword: "<secret: registry-nodes>",
    certificate: { chain: "<generated: certificate>\n", key: "<secret: certificate-key>\n" },
  }).files;
  return makesCluster(machine) ? [...node, ...rancherFiles(config, plan, clusterOf(machine))] : node;
}

/** What the first server of a cluster has to do with Rancher. */
function rancherFiles(config: PlatformConfig, plan: PlatformPlan, cluster: ClusterName): readonly ManagedFile[] {
  const generated = { id: "<generated: cluster-id>", manifestUrl: "<secret: manifest-url>" };
  if (cluster !== "middleware") return importBundle(config, plan, generated).files;
  const imported = ["apps", "dmz"].map((name) => ({ id: generated.id, name }));
  const files = [
    ...rancherReadyBundle(config, plan, rancherValues(config, plan, "<generated: root-certificate>\n")).files,
    ...clustersActiveBundle(imported).files,
  ];
  return [...new Map(files.map((file) => [file.path, file])).values()];
}
