import { HARDENED } from "../hardened";
import type { PlatformConfig } from "../../config/schema";
import { serviceHost } from "../../network/dns";
import type { PlannedMachine } from "../../plan/platform-plan";
import { artifact, programPath } from "../../remote/artifact";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle } from "../../remote/bundle";
import type { ServerCertificate } from "../haproxy-files";
import { CREDENTIALS_MOUNT, DEPLOYER_POLICY, SNAPSHOT_POLICY } from "./policies";

export const VAULT_PORT = 8200;

const SERVICE = "vault";

/** The names under which others reach Vault. */
export function vaultNames(config: PlatformConfig, machine: PlannedMachine): readonly string[] {
  return [machine.fqdn, serviceHost(config, "vault")];
}

/** Vault's own configuration (HCL); with auto-unseal it holds that token and is for Vault's eyes only. */
export function renderVaultConfig(config: PlatformConfig, machine: PlannedMachine, unsealToken: string | undefined): string {
  const { autoUnseal, distribution } = config.vault;
  const text = (value: string): string => JSON.stringify(value);
  return [
    "# Managed by Pulumi: edits are overwritten. Made by src/base/vault/files.ts.",
    `api_addr = ${text(`https://${machine.fqdn}:${VAULT_PORT}`)}`,
    `cluster_addr = ${text(`https://${machine.ip}:${VAULT_PORT + 1}`)}`,
    "ui = true",
    'log_format = "json"',
    // Raft's memory map does not go with mlock; the unit keeps the service out of swap instead. OpenBao has no such key.
    ...(distribution === "vault" ? ["disable_mlock = true"] : []),
    "",
    'storage "raft" {',
    '  path = "/var/lib/vault/raft"',
    `  node_id = ${text(machine.name)}`,
    "}",
    "",
    'listener "tcp" {',
    `  address = ${text(`${machine.ip}:${VAULT_PORT}`)}`,
    `  cluster_address = ${text(`${machine.ip}:${VAULT_PORT + 1}`)}`,
    '  tls_cert_file = "/etc/vault/tls/cert.pem"',
    '  tls_key_file = "/etc/vault/tls/key.pem"',
    '  tls_min_version = "tls12"',
    "}",
    // OpenBao takes audit devices from here only; Vault through its API only.
    ...(distribution === "openbao"
      ? ["", 'audit "file" "file" {', "  options {", '    file_path = "/var/lib/vault/audit/audit.log"', '    mode = "0600"', "  }", "}"]
      : []),
    ...(autoUnseal === undefined || unsealToken === undefined
      ? []
      : [
          "",
          'seal "transit" {',
          `  address = ${text(autoUnseal.address)}`,
          `  mount_path = ${text(`${autoUnseal.mountPath}/`)}`,
          `  key_name = ${text(autoUnseal.keyName)}`,
          `  token = ${text(unsealToken)}`,
          "}",
        ]),
    "",
  ].join("\n");
}

const UNIT = `[Unit]
Description=Vault, the platform's secrets manager
After=network-online.target
RequiresMountsFor=/var/lib/vault
[Service]
Type=simple
User=vault
Group=vault
ExecStart=${programPath("vault").replace("/vault/", "/secrets-manager/")} server -config=/etc/vault/vault.hcl
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5s
KillSignal=SIGINT
# What Vault holds in memory never reaches a disk.
MemorySwapMax=0
LimitCORE=0
LimitNOFILE=65536
${HARDENED}RestrictAddressFamilies=AF_INET AF_UNIX
CapabilityBoundingSet=
UMask=0077
ReadWritePaths=/var/lib/vault
[Install]
WantedBy=multi-user.target
`;

const LOG_ROTATION = `/var/lib/vault/audit/audit.log {
  daily
  rotate 90
  compress
  delaycompress
  missingok
  notifempty
  su vault vault
  postrotate
    systemctl kill --signal=HUP --kill-whom=main platform-vault
  endscript
}
`;

/** What a program logs in to Vault with. Made by the platform's program, so that a restored or a new Vault knows it too. */
export interface VaultAccount {
  readonly roleId: string;
  readonly secretId: string;
}

export interface VaultSecrets {
  readonly accounts: Readonly<Record<"platform-deployer" | "platform-snapshot", VaultAccount>>;
  readonly certificate: ServerCertificate;
  readonly rootCertificate: string;
  readonly unsealToken?: string | undefined;
}

/** Vault on its machine: running, initialised once, unsealed by whoever initialised it, its deployer's account made. */
export function vaultBundle(config: PlatformConfig, machine: PlannedMachine, secrets: VaultSecrets): Bundle {
  const { distribution, operatorKeys, autoUnseal } = config.vault;
  const program = artifact(config, distribution);
  const folder = "/etc/platform/vault";
  const settings = {
    distribution,
    address: machine.ip,
    port: VAULT_PORT,
    serverName: serviceHost(config, "vault"),
    operatorKeys,
    autoUnseal: autoUnseal !== undefined,
    mount: CREDENTIALS_MOUNT,
    policies: { deployer: DEPLOYER_POLICY, snapshot: SNAPSHOT_POLICY },
    rootCertificate: secrets.rootCertificate,
  };
  return {
    name: SERVICE,
    files: [
      ...program.files,
      managedFile(`${folder}/distribution`, `${distribution}\n`),
      managedFile(`${folder}/settings.json`, `${JSON.stringify(settings, undefined, 2)}\n`),
      managedFile(`${folder}/accounts.json`, `${JSON.stringify(secrets.accounts)}\n`, "0600"),
      managedFile(`${folder}/vault.hcl`, renderVaultConfig(config, machine, secrets.unsealToken), "0600"),
      managedFile(`${folder}/tls/cert.pem`, secrets.certificate.chain),
      managedFile(`${folder}/tls/key.pem`, secrets.certificate.key, "0600"),
      managedFile("/etc/systemd/system/platform-vault.service", UNIT),
      managedFile("/etc/logrotate.d/platform-vault", LOG_ROTATION),
      ...["vault.sh", "initialise.py", "vault_api.py"].map((name) => scriptFile(SERVICE, __dirname, name)),
    ],
    steps: [
      program.step,
      { name: SERVICE, path: scriptPath(SERVICE, "vault.sh"), timeoutSeconds: 120 },
      { name: "initialise", path: scriptPath(SERVICE, "initialise.py"), timeoutSeconds: 180 },
    ],
  };
}
