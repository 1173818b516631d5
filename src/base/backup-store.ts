import * as pulumi from "@pulumi/pulumi";
import type { PlatformConfig } from "../config/schema";
import type { Authority } from "../pki/authority";
import { Certificate } from "../pki/certificate";
import type { PlannedMachine } from "../plan/platform-plan";
import { ManagedService } from "../remote/managed-service";
import type { ServiceHost } from "../remote/managed-service";
import type { BackupClient, BackupTarget } from "./backups/files";
import { accessKeyOf, backupStoreBundle, monitoringNames } from "./backups/store";
import { credential } from "./credential";

export interface BackupStoreArgs {
  readonly config: PlatformConfig;
  readonly machine: PlannedMachine;
  readonly host: ServiceHost;
  readonly authority: Authority;
}

/** The S3 store that every backup of the platform goes to, with a bucket and a key for each client. */
export class BackupStore extends pulumi.ComponentResource {
  public readonly secretKeys: Readonly<Record<BackupClient, pulumi.Output<string>>>;
  public readonly administratorSecretKey: pulumi.Output<string>;
  public readonly gate: pulumi.Resource;
  private readonly args: BackupStoreArgs;

  constructor(name: string, args: BackupStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:base:BackupStore", name, {}, opts);
    this.args = args;
    const { config, machine, host, authority } = args;
    this.administratorSecretKey = credential("backup-administrator", config, this).password;
    this.secretKeys = {
      vault: credential("backup-vault", config, this).password,
      gogs: credential("backup-gogs", config, this).password,
      etcd: credential("backup-etcd", config, this).password,
      longhorn: credential("backup-longhorn", config, this).password,
    };
    const certificate = new Certificate(
      `${name}-tls`,
      {
        authority,
        dnsNames: monitoringNames(config, machine),
        addresses: [machine.ip],
        rotation: config.rotations["certificate-monitoring"],
      },
      { parent: this },
    );
    this.gate = new ManagedService(
      `${machine.name}-backup-store`,
      {
        host,
        bundle: pulumi
          .output({
            administratorSecretKey: this.administratorSecretKey,
            secretKeys: this.secretKeys,
            certificate: { chain: certificate.chain, key: certificate.key },
          })
          .apply((secrets) => backupStoreBundle(config, machine, secrets)),
        timeout: "30m",
      },
      { parent: this },
    ).gate;
    this.registerOutputs({});
  }

  /** Where a client backs up to, but for what is secret. */
  public target(client: BackupClient): pulumi.Output<Pick<BackupTarget, "client" | "store" | "address" | "accessKey" | "retentionDays">> {
    const { machine, config, host } = this.args;
    return host.identity.apply((store) => ({
      client,
      store,
      address: machine.ip,
      accessKey: accessKeyOf(client),
      retentionDays: config.backups.retentionDays,
    }));
  }
}
