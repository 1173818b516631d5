import * as pulumi from "@pulumi/pulumi";
import type { PlatformConfig } from "../config/schema";
import type { Authority } from "../pki/authority";
import { Certificate } from "../pki/certificate";
import type { PlannedMachine, PlatformPlan } from "../plan/platform-plan";
import { scriptFile } from "../remote/bundle";
import { ManagedService } from "../remote/managed-service";
import type { ServiceHost } from "../remote/managed-service";
import { backupFiles, firstBackupStep } from "./backups/files";
import type { BackupStore } from "./backup-store";
import { credential, lastingSecret } from "./credential";
import { gitopsFrontBundle, gitopsNames } from "./gitops-front";
import { GIT_ADMINISTRATOR, GIT_READER, GIT_WRITER, gogsBundle } from "./gogs/files";
import { REGISTRY_READER, REGISTRY_WRITER, registryBundle } from "./registry/files";
import { join } from "node:path";

export interface GitServicesArgs {
  readonly config: PlatformConfig;
  readonly plan: PlatformPlan;
  readonly machine: PlannedMachine;
  readonly host: ServiceHost;
  readonly authority: Authority;
  readonly backups: BackupStore;
}

/** Registry and Git server of the platform, behind one TLS front on their machine, Git backed up every night. */
export class GitServices extends pulumi.ComponentResource {
  /** Passwords by account. */
  public readonly registryAccounts: Readonly<Record<string, pulumi.Output<string>>>;
  public readonly gitAccounts: Readonly<Record<string, pulumi.Output<string>>>;
  public readonly backupPassword: pulumi.Output<string>;
  public readonly gate: pulumi.Resource;

  constructor(name: string, args: GitServicesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:base:GitServices", name, {}, opts);
    const { config, plan, machine, host, authority } = args;
    const writer = credential("registry-deployer", config, this);
    const reader = credential("registry-nodes", config, this);
    const git = {
      [GIT_ADMINISTRATOR]: credential("gogs-admin", config, this).password,
      [GIT_WRITER]: credential("gogs-deployer", config, this).password,
      [GIT_READER]: credential("gogs-argocd", config, this).password,
    };
    this.registryAccounts = { [REGISTRY_WRITER]: writer.password, [REGISTRY_READER]: reader.password };
    this.gitAccounts = git;
    this.backupPassword = lastingSecret("gogs-backup-password", this);

    const registry = new ManagedService(
      `${machine.name}-registry`,
      {
        host,
        bundle: pulumi
          .output({
            push: writer.bcrypt,
            pull: reader.bcrypt,
            readerPassword: reader.password,
            writerPassword: writer.password,
            httpSecret: lastingSecret("registry-http-secret", this),
          })
          .apply(({ push, pull, ...secrets }) =>
            registryBundle(config, { passwordHashes: { [REGISTRY_WRITER]: push, [REGISTRY_READER]: pull }, ...secrets }),
          ),
        timeout: "30m",
      },
      { parent: this },
    );
    const gogs = new ManagedService(
      `${machine.name}-gogs`,
      {
        host,
        bundle: pulumi
          .output({ passwords: git, secretKey: lastingSecret("gogs-secret-key", this) })
          .apply((secrets) => gogsBundle(config, secrets)),
        timeout: "30m",
      },
      { parent: this },
    );
    const certificate = new Certificate(
      `${name}-tls`,
      { authority, dnsNames: gitopsNames(config, machine), addresses: [machine.ip], rotation: config.rotations["certificate-gitops"] },
      { parent: this },
    );
    const front = new ManagedService(
      `${machine.name}-front`,
      {
        host,
        bundle: pulumi
          .output({
            rootCertificate: authority.rootCertificate,
            chain: certificate.chain,
            key: certificate.key,
            readerPassword: reader.password,
          })
          .apply(({ rootCertificate, chain, key, readerPassword }) =>
            gitopsFrontBundle(config, plan, machine, { certificate: { chain, key }, rootCertificate, readerPassword }),
          ),
        // Its gate asks both of them.
        after: [registry.gate, gogs.gate],
        timeout: "15m",
      },
      { parent: this },
    );
    new ManagedService(
      `${machine.name}-gogs-backup`,
      {
        host,
        bundle: pulumi
          .all([args.backups.target("gogs"), this.backupPassword, args.backups.secretKeys.gogs])
          .apply(([target, password, secretKey]) => ({
            name: "gogs-backup",
            files: [
              ...backupFiles({
                ...target,
                secretKey,
                password,
                script: scriptFile("gogs", join(__dirname, "gogs"), "backup.sh"),
              }),
              scriptFile("gogs", join(__dirname, "gogs"), "restore.sh"),
            ],
            steps: [firstBackupStep("gogs")],
          })),
        // The first backup wants a database to copy and a store to take it.
        after: [gogs.gate, args.backups.gate],
        timeout: "30m",
      },
      { parent: this },
    );
    this.gate = front.gate;
    this.registerOutputs({});
  }
}
