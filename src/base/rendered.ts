import { join } from "node:path";
import type { PlatformConfig } from "../config/schema";
import type { PlannedMachine, PlatformPlan } from "../plan/platform-plan";
import { scriptFile } from "../remote/bundle";
import type { ManagedFile } from "../remote/bundle";
import { BACKUP_CLIENTS, backupFiles } from "./backups/files";
import type { BackupClient } from "./backups/files";
import { accessKeyOf, backupStoreBundle } from "./backups/store";
import { gitopsFrontBundle } from "./gitops-front";
import { GIT_ADMINISTRATOR, GIT_READER, GIT_WRITER, gogsBundle } from "./gogs/files";
import { loadBalancerBundle } from "./load-balancers/files";
import { pairRoutes } from "./load-balancers/routes";
import type { LoadBalancerGroup } from "./load-balancers/routes";
import { REGISTRY_READER, REGISTRY_WRITER, registryBundle } from "./registry/files";
import { vaultBundle } from "./vault/files";

const CERTIFICATE = { chain: "<generated: certificate>\n", key: "<secret: certificate-key>\n" };

/** Every file that layer 2 puts on a machine, with placeholders for what is generated or secret. */
export function renderedBaseFiles(
  config: PlatformConfig,
  plan: PlatformPlan,
  machine: PlannedMachine,
  rootCertificate: string,
): readonly ManagedFile[] {
  const backup = (client: BackupClient, script: ManagedFile): readonly ManagedFile[] =>
    backupFiles({
      client,
      store: "<generated: store-identity>",
      address: plan.machines.find((each) => each.group === "monitoring")?.ip ?? "",
      accessKey: accessKeyOf(client),
      secretKey: `<secret: backup-${client}>`,
      password: `<secret: ${client}-backup-password>`,
      retentionDays: config.backups.retentionDays,
      script,
    });
  switch (machine.group) {
    case "lblan":
    case "lbdmz":
    case "lbintegration": {
      const group: LoadBalancerGroup = machine.group;
      const certificate = pairRoutes(config, plan, group).names.length === 0 ? undefined : CERTIFICATE;
      return loadBalancerBundle(config, plan, machine, { rootCertificate, certificate }).files;
    }
    case "gitops":
      return [
        ...registryBundle(config, {
          passwordHashes: { [REGISTRY_WRITER]: "<secret: registry-deployer>", [REGISTRY_READER]: "<secret: registry-nodes>" },
          readerPassword: "<secret: registry-nodes>",
          writerPassword: "<secret: registry-deployer>",
          httpSecret: "<secret: registry-http-secret>",
        }).files,
        ...gogsBundle(config, {
          passwords: {
            [GIT_ADMINISTRATOR]: "<secret: gogs-admin>",
            [GIT_WRITER]: "<secret: gogs-deployer>",
            [GIT_READER]: "<secret: gogs-argocd>",
          },
          secretKey: "<secret: gogs-secret-key>",
        }).files,
        ...gitopsFrontBundle(config, plan, machine, {
          certificate: CERTIFICATE,
          rootCertificate,
          readerPassword: "<secret: registry-nodes>",
        }).files,
        ...backup("gogs", scriptFile("gogs", join(__dirname, "gogs"), "backup.sh")),
        scriptFile("gogs", join(__dirname, "gogs"), "restore.sh"),
      ];
    case "vault":
      return [
        ...vaultBundle(config, machine, {
          accounts: {
            "platform-deployer": { roleId: "<secret: vault-deployer-role>", secretId: "<secret: vault-deployer-secret>" },
            "platform-snapshot": { roleId: "<secret: vault-snapshot-role>", secretId: "<secret: vault-snapshot-secret>" },
          },
          certificate: CERTIFICATE,
          rootCertificate,
          ...(config.vault.autoUnseal === undefined ? {} : { unsealToken: "<secret: vaultUnsealToken>" }),
        }).files,
        ...backup("vault", scriptFile("vault", join(__dirname, "vault"), "backup.py")),
        scriptFile("vault", join(__dirname, "vault"), "restore.py"),
      ];
    case "monitoring":
      return backupStoreBundle(config, machine, {
        administratorSecretKey: "<secret: backup-administrator>",
        secretKeys: Object.fromEntries(BACKUP_CLIENTS.map((client) => [client, `<secret: backup-${client}>`])) as Record<
          BackupClient,
          string
        >,
        certificate: CERTIFICATE,
      }).files;
    default:
      return [];
  }
}
