import type { PlatformConfig } from "../config/schema";
import type { PlannedMachine, PlatformPlan } from "../plan/platform-plan";
import type { ManagedFile } from "../remote/bundle";
import { makesCluster } from "./rke2/config";
import { nodeBundle } from "./rke2/files";

/** Every file that layer 3 puts on a machine, with placeholders for what is generated or secret. */
export function renderedClusterFiles(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine): readonly ManagedFile[] {
  if (machine.cluster === undefined) return [];
  const token = `cluster-${machine.cluster}-token`;
  return nodeBundle(config, plan, machine, {
    token: makesCluster(machine) ? `<secret: ${token}>` : `<secret: ${token}, in its full form>`,
    backupSecretKey: "<secret: backup-etcd>",
    registryPassword: "<secret: registry-nodes>",
    certificate: { chain: "<generated: certificate>\n", key: "<secret: certificate-key>\n" },
  }).files;
}
