import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import type { PlatformSecrets } from "../config/load";
import type { PlatformConfig } from "../config/schema";
import type { Authority } from "../pki/authority";
import { Certificate } from "../pki/certificate";
import { trustFile } from "../pki/trust-file";
import type { PlannedMachine } from "../plan/platform-plan";
import { scriptFile } from "../remote/bundle";
import { ManagedService } from "../remote/managed-service";
import type { ServiceHost } from "../remote/managed-service";
import type { BackupStore } from "./backup-store";
import { backupFiles, firstBackupStep } from "./backups/files";
import { lastingSecret } from "./credential";
import { VAULT_PORT, vaultBundle, vaultNames } from "./vault/files";
import { CREDENTIALS_MOUNT, DEPLOYER_POLICY, SNAPSHOT_POLICY } from "./vault/policies";

export interface SecretsManagerArgs {
  readonly config: PlatformConfig;
  readonly secrets: PlatformSecrets;
  readonly machine: PlannedMachine;
  readonly host: ServiceHost;
  readonly authority: Authority;
  readonly backups: BackupStore;
}

/** Vault on its machine, initialised and unsealed, with a store for the platform's credentials and nightly snapshots. */
export class SecretsManager extends pulumi.ComponentResource {
  /** Logs in as the deployer, for short. */
  public readonly provider: vault.Provider;
  public readonly backupPassword: pulumi.Output<string>;
  /** When this Vault was initialised: its hand-over belongs to that. */
  public readonly initialisation: pulumi.Output<string>;
  private readonly inVault: pulumi.CustomResourceOptions;

  constructor(name: string, args: SecretsManagerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:base:SecretsManager", name, {}, opts);
    const { config, machine, host, authority } = args;
    const certificate = new Certificate(
      `${name}-tls`,
      { authority, dnsNames: vaultNames(config, machine), addresses: [machine.ip], rotation: config.rotations["certificate-vault"] },
      { parent: this },
    );
    const unsealToken = config.vault.autoUnseal === undefined ? pulumi.output(undefined) : args.secrets.require("vaultUnsealToken");
    const deployer = { roleId: lastingSecret("vault-deployer-role", this), secretId: lastingSecret("vault-deployer-secret", this) };
    const service = new ManagedService(
      `${machine.name}-vault`,
      {
        host,
        bundle: pulumi
          .output({
            certificate: { chain: certificate.chain, key: certificate.key },
            accounts: {
              "platform-deployer": deployer,
              "platform-snapshot": {
                roleId: lastingSecret("vault-snapshot-role", this),
                secretId: lastingSecret("vault-snapshot-secret", this),
              },
            },
            rootCertificate: authority.rootCertificate,
            unsealToken,
          })
          .apply((secrets) => vaultBundle(config, machine, secrets)),
        timeout: "30m",
      },
      { parent: this },
    );

    this.initialisation = pulumi.unsecret(service.report.apply(({ initialisation = "" }) => initialisation));
    // Known from the start, and used only once the service has answered: a run that makes Vault anew logs in to it as before.
    const account = pulumi
      .all([deployer.roleId, deployer.secretId, this.initialisation])
      .apply(([role_id, secret_id]) => ({ role_id, secret_id }));
    this.provider = new vault.Provider(
      name,
      {
        address: `https://${machine.ip}:${VAULT_PORT}`,
        caCertFile: authority.rootCertificate.apply(trustFile),
        authLogin: pulumi.secret({ path: "auth/approle/login", parameters: pulumi.secret(account) }),
        // The login's own token is short already, and a child of it would need the right to make tokens.
        skipChildToken: true,
      },
      { parent: this },
    );
    // Where the machine goes, what is in its Vault is gone too, sealed or not.
    const inVault = { parent: this, provider: this.provider, deletedWith: host.resource };
    this.inVault = {
      ...inVault,
      // Removed in the other order, the deployer could no longer remove its secrets.
      dependsOn: new vault.Policy("platform-deployer", { name: "platform-deployer", policy: DEPLOYER_POLICY }, inVault),
    };
    new vault.Policy("platform-snapshot", { name: "platform-snapshot", policy: SNAPSHOT_POLICY }, this.inVault);
    this.backupPassword = lastingSecret("vault-backup-password", this);
    new ManagedService(
      `${machine.name}-vault-backup`,
      {
        host,
        bundle: pulumi
          .all([args.backups.target("vault"), this.backupPassword, args.backups.secretKeys.vault])
          .apply(([target, password, secretKey]) => ({
            name: "vault-backup",
            files: [
              ...backupFiles({
                ...target,
                secretKey,
                password,
                script: scriptFile("vault", join(__dirname, "vault"), "backup.py"),
              }),
              scriptFile("vault", join(__dirname, "vault"), "restore.py"),
            ],
            steps: [firstBackupStep("vault")],
          })),
        // The first snapshot wants a Vault to take it of and a store to put it in.
        after: [service.gate, args.backups.gate],
        timeout: "30m",
      },
      { parent: this },
    );
    this.registerOutputs({});
  }

  /** Keeps a credential at `path` below the platform's own mount, for people and programs to find. */
  public keep(path: string, values: Readonly<Record<string, pulumi.Input<string>>>): void {
    new vault.kv.SecretV2(
      path.replaceAll("/", "-"),
      {
        mount: CREDENTIALS_MOUNT,
        name: path,
        dataJson: pulumi.secret(pulumi.jsonStringify(values)),
        // Another Vault, initialised anew, is written to again.
        customMetadata: { data: { initialisation: this.initialisation } },
      },
      this.inVault,
    );
  }
}
