import { HARDENED } from "../hardened";
import type { PlatformConfig } from "../../config/schema";
import { serviceHost } from "../../network/dns";
import type { PlannedMachine } from "../../plan/platform-plan";
import { artifact } from "../../remote/artifact";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle } from "../../remote/bundle";
import type { ServerCertificate } from "../haproxy-files";
import { BACKUP_CLIENTS, BACKUP_REGION, BACKUP_STORE_PORT } from "./files";
import type { BackupClient } from "./files";

/** Where people look at the store: the same service on a port of its own, with its pages below /ui. */
const CONSOLE_PORT = 9001;

/** Who makes buckets, sets their policies and removes what is past its time. */
const ADMINISTRATOR = "backup-administrator";

export interface BackupStoreSecrets {
  readonly administratorSecretKey: string;
  /** By client; the access key is the client's name with a prefix. */
  readonly secretKeys: Readonly<Record<BackupClient, string>>;
  readonly certificate: ServerCertificate;
}

const SERVICE = "backup-store";

/** The access key of a client. */
export function accessKeyOf(client: BackupClient): string {
  return `backup-${client}`;
}

/** The names under which others reach the machine's services. */
export function monitoringNames(config: PlatformConfig, machine: PlannedMachine): readonly string[] {
  return [machine.fqdn, serviceHost(config, "minio-backup"), serviceHost(config, "coroot")];
}

/** What a client may do in its bucket: everything but taking back what was overwritten or deleted. */
export function bucketPolicy(client: BackupClient): object {
  const Principal = { AWS: [accessKeyOf(client)] };
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "bucket",
        Effect: "Allow",
        Principal,
        Action: ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"],
        Resource: [`arn:aws:s3:::${client}`],
      },
      {
        Sid: "objects",
        Effect: "Allow",
        Principal,
        // A deletion leaves a marker over the object; only the store's own timer removes versions.
        Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        Resource: [`arn:aws:s3:::${client}/*`],
      },
    ],
  };
}

const UNIT = `[Unit]
Description=Backup store (S3)
After=network-online.target
RequiresMountsFor=/srv
[Service]
User=backupstore
Group=backupstore
EnvironmentFile=/etc/backup-store/settings
ExecStart=${scriptPath(SERVICE, "start.sh")}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2s
${HARDENED}RestrictAddressFamilies=AF_INET AF_UNIX
CapabilityBoundingSet=
UMask=0077
ReadWritePaths=/srv/backups
[Install]
WantedBy=multi-user.target
`;

const PRUNE_UNIT = `[Unit]
Description=Remove deleted and overwritten backups that are past their time
[Service]
Type=oneshot
ExecStart=${scriptPath(SERVICE, "prune.py")}
TimeoutStartSec=2h
`;

const PRUNE_TIMER = `[Unit]
Description=Remove old versions of backups every night
[Timer]
OnCalendar=*-*-* 04:30
RandomizedDelaySec=15m
Persistent=true
[Install]
WantedBy=timers.target
`;

/** The store's settings: nothing secret, for its environment can be read by whoever runs as it. */
function settings(config: PlatformConfig, machine: PlannedMachine): string {
  const console = `https://${serviceHost(config, "minio-backup")}`;
  const values: Readonly<Record<string, string>> = {
    VGW_PORT: `${machine.ip}:${BACKUP_STORE_PORT},${machine.ip}:${CONSOLE_PORT}`,
    VGW_REGION: BACKUP_REGION,
    VGW_CERT: "/etc/backup-store/tls/cert.pem",
    VGW_KEY: "/etc/backup-store/tls/key.pem",
    VGW_IAM_DIR: "/srv/backups/accounts",
    VGW_IAM_CACHE_DISABLE: "true",
    VGW_HEALTH: "/healthz",
    VGW_VERSIONING_DIR: "/srv/backups/versions",
    VGW_WEBUI_S3_PREFIX: "/ui",
    // The pages talk to the service under the name that they came from.
    VGW_WEBUI_GATEWAYS: console,
    VGW_WEBUI_ADMIN_GATEWAYS: console,
    VGW_CORS_ALLOW_ORIGIN: console,
    VGW_QUIET: "true",
  };
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

/** The store on its machine, with a bucket, a key and a policy for each client. */
export function backupStoreBundle(config: PlatformConfig, machine: PlannedMachine, secrets: BackupStoreSecrets): Bundle {
  const program = artifact(config, "backupStore");
  const account = (access: string, secret: string, role: "admin" | "user"): object => ({
    access,
    secret,
    role,
    userID: 0,
    groupID: 0,
    projectID: 0,
  });
  const accounts = {
    accessAccounts: Object.fromEntries<object>([
      [ADMINISTRATOR, account(ADMINISTRATOR, secrets.administratorSecretKey, "admin")],
      ...BACKUP_CLIENTS.map((client): [string, object] => [
        accessKeyOf(client),
        account(accessKeyOf(client), secrets.secretKeys[client], "user"),
      ]),
    ]),
  };
  const folder = "/etc/platform/backup-store";
  return {
    name: SERVICE,
    files: [
      ...program.files,
      managedFile(`${folder}/settings`, settings(config, machine)),
      managedFile(`${folder}/tls/cert.pem`, secrets.certificate.chain),
      managedFile(`${folder}/tls/key.pem`, secrets.certificate.key, "0600"),
      managedFile(`${folder}/users.json`, `${JSON.stringify(accounts)}\n`, "0600"),
      managedFile(
        `${folder}/buckets.json`,
        `${JSON.stringify({ address: machine.ip, port: BACKUP_STORE_PORT, region: BACKUP_REGION, administrator: ADMINISTRATOR, retentionDays: config.backups.retentionDays, buckets: Object.fromEntries(BACKUP_CLIENTS.map((client) => [client, bucketPolicy(client)])) }, undefined, 2)}\n`,
      ),
      managedFile("/etc/systemd/system/platform-backup-store.service", UNIT),
      managedFile("/etc/systemd/system/platform-backup-store-prune.service", PRUNE_UNIT),
      managedFile("/etc/systemd/system/platform-backup-store-prune.timer", PRUNE_TIMER),
      ...["store.sh", "start.sh", "buckets.py", "prune.py", "s3.py"].map((name) => scriptFile(SERVICE, __dirname, name)),
    ],
    steps: [
      program.step,
      { name: SERVICE, path: scriptPath(SERVICE, "store.sh"), timeoutSeconds: 120 },
      { name: "buckets", path: scriptPath(SERVICE, "buckets.py"), timeoutSeconds: 120 },
    ],
  };
}
