import { HARDENED } from "../hardened";
import type { PlatformConfig } from "../../config/schema";
import { artifact, programPath } from "../../remote/artifact";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle, ManagedFile } from "../../remote/bundle";
import { toYaml } from "../../shared/yaml";

/** The account that may push, and the one that nodes pull with. */
export const REGISTRY_WRITER = "deployer";
export const REGISTRY_READER = "nodes";

/** Where the registry listens, to its machine only: HAProxy there opens TLS and keeps readers from writing. */
export const REGISTRY_LOCAL_PORT = 5000;

export interface RegistrySecrets {
  /** bcrypt, by account. */
  readonly passwordHashes: Readonly<Record<string, string>>;
  /** What the account that pulls proves the service with. */
  readonly readerPassword: string;
  /** What charts of the machine's template are put into the registry with. */
  readonly writerPassword: string;
  /** Signs the state of uploads. */
  readonly httpSecret: string;
}

const SERVICE = "registry";

/** The registry's own configuration; without what is secret. */
export function renderRegistryConfig(secrets: Pick<RegistrySecrets, "httpSecret">): string {
  return toYaml({
    version: 0.1,
    log: { level: "info", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: "/srv/registry/data" },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: true, age: "168h", interval: "24h", dryrun: false } },
    },
    auth: { htpasswd: { realm: "registry", path: "/etc/registry/htpasswd" } },
    http: {
      addr: `127.0.0.1:${REGISTRY_LOCAL_PORT}`,
      secret: secrets.httpSecret,
      // It answers under more than one name.
      relativeurls: true,
      headers: { "X-Content-Type-Options": ["nosniff"] },
    },
    health: { storagedriver: { enabled: true, interval: "30s", threshold: 3 } },
  });
}

const UNIT = `[Unit]
Description=Docker registry
After=network-online.target
RequiresMountsFor=/srv
[Service]
User=registry
Group=registry
Environment=OTEL_TRACES_EXPORTER=none
ExecStart=${programPath("registry")} serve /etc/registry/config.yml
Restart=always
RestartSec=2s
${HARDENED}RestrictAddressFamilies=AF_INET AF_UNIX
CapabilityBoundingSet=
ReadWritePaths=/srv/registry
[Install]
WantedBy=multi-user.target
`;

const COLLECT_UNIT = `[Unit]
Description=Give back the space of deleted images, the registry read-only meanwhile
[Service]
Type=oneshot
ExecStart=${scriptPath(SERVICE, "collect-garbage.sh")}
TimeoutStartSec=4h
`;

const COLLECT_TIMER = `[Unit]
Description=Garbage collection of the registry every Sunday night
[Timer]
OnCalendar=Sun 03:30
RandomizedDelaySec=15m
Persistent=true
[Install]
WantedBy=timers.target
`;

/** What fills the registry from the machine's template, where nothing comes from upstream. */
function mirrorFiles(secrets: RegistrySecrets): readonly ManagedFile[] {
  return [
    managedFile(
      "/etc/platform/registry/writer.json",
      `${JSON.stringify({ name: REGISTRY_WRITER, password: secrets.writerPassword })}\n`,
      "0600",
    ),
    scriptFile(SERVICE, __dirname, "push-charts.py"),
  ];
}

/** The registry on its machine; secrets go into files that only root and the service read. */
export function registryBundle(config: PlatformConfig, secrets: RegistrySecrets): Bundle {
  const program = artifact(config, "registry");
  const isMirrored = config.artifacts.mode === "mirrored";
  const accounts = Object.entries(secrets.passwordHashes).sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    name: SERVICE,
    files: [
      ...program.files,
      managedFile("/etc/platform/registry/config.yml", renderRegistryConfig(secrets), "0600"),
      managedFile("/etc/platform/registry/htpasswd", accounts.map(([account, hash]) => `${account}:${hash}\n`).join(""), "0600"),
      managedFile("/etc/platform/registry/reader", `user = "${REGISTRY_READER}:${secrets.readerPassword}"\n`, "0600"),
      managedFile("/etc/systemd/system/platform-registry.service", UNIT),
      managedFile("/etc/systemd/system/platform-registry-collect.service", COLLECT_UNIT),
      managedFile("/etc/systemd/system/platform-registry-collect.timer", COLLECT_TIMER),
      scriptFile(SERVICE, __dirname, "collect-garbage.sh"),
      scriptFile(SERVICE, __dirname, "registry.sh"),
      ...(isMirrored ? mirrorFiles(secrets) : []),
    ],
    steps: [
      program.step,
      { name: SERVICE, path: scriptPath(SERVICE, "registry.sh"), timeoutSeconds: 180 },
      ...(isMirrored ? [{ name: "charts", path: scriptPath(SERVICE, "push-charts.py"), timeoutSeconds: 600 }] : []),
    ],
  };
}
