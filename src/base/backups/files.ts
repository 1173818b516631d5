import type { ManagedFile } from "../../remote/bundle";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";

/** Backups to the platform's own object store by restic: encrypted, checked, each client with its own bucket and key. */

/** Where the object store listens on its machine, and the region its clients name. */
export const BACKUP_STORE_PORT = 9000;
export const BACKUP_REGION = "platform";

/** Programs with a bucket and a key of their own, by bucket name. */
export const BACKUP_CLIENTS = ["vault", "gogs", "etcd", "longhorn"] as const;
export type BackupClient = (typeof BACKUP_CLIENTS)[number];

export interface BackupTarget {
  readonly client: BackupClient;
  /** What changes when the store's machine is another one: its buckets are empty then. */
  readonly store: string;
  /** Address of the store's machine, which its certificate holds too. */
  readonly address: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** What restic encrypts with: lost, the backups are lost. */
  readonly password: string;
  /** Days that snapshots are kept. */
  readonly retentionDays: number;
  /** What runs as root once a day and hands its files to restic.sh. */
  readonly script: ManagedFile;
}

/** The wrapper that knows repository, keys and trust of a client. */
export const RESTIC = scriptPath("backups", "restic.sh");

/** Makes the repository where there is none, and frees it of locks whose holder is gone. */
const READY = scriptPath("backups", "ready.sh");

/** Files that let a machine back up one client's data every night. */
export function backupFiles(target: BackupTarget): readonly ManagedFile[] {
  const { client } = target;
  const folder = `/etc/platform/backups/${client}`;
  return [
    managedFile(`${folder}/repository`, `s3:https://${target.address}:${BACKUP_STORE_PORT}/${client}/restic\n`),
    managedFile(`${folder}/store`, `${target.store}\n`),
    managedFile(`${folder}/region`, `${BACKUP_REGION}\n`),
    managedFile(`${folder}/retention-days`, `${target.retentionDays}\n`),
    managedFile(`${folder}/password`, `${target.password}\n`, "0600"),
    managedFile(
      `${folder}/credentials`,
      `[default]\naws_access_key_id = ${target.accessKey}\naws_secret_access_key = ${target.secretKey}\n`,
      "0600",
    ),
    scriptFile("backups", __dirname, "restic.sh"),
    scriptFile("backups", __dirname, "ready.sh"),
    target.script,
    managedFile(
      `/etc/systemd/system/platform-backup-${client}.service`,
      `[Unit]\nDescription=Back up ${client}\n[Service]\nType=oneshot\nExecStartPre=${READY} ${client}\nExecStart=${target.script.path}\nTimeoutStartSec=2h\n`,
    ),
    managedFile(
      `/etc/systemd/system/platform-backup-${client}.timer`,
      `[Unit]\nDescription=Back up ${client} every night\n[Timer]\nOnCalendar=*-*-* 01:30\nRandomizedDelaySec=30m\nPersistent=true\n[Install]\nWantedBy=timers.target\n`,
    ),
    { ...scriptFile("backups", __dirname, "first-backup.sh"), path: scriptPath("backups", `first-backup-${client}.sh`) },
  ];
}

/** Proves at once that backups work, then leaves them to their timer. */
export function firstBackupStep(client: BackupClient): { name: string; path: string; timeoutSeconds: number } {
  return { name: `first backup of ${client}`, path: scriptPath("backups", `first-backup-${client}.sh`), timeoutSeconds: 600 };
}
