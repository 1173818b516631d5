import { HARDENED } from "../hardened";
import type { PlatformConfig } from "../../config/schema";
import { serviceHost } from "../../network/dns";
import { artifact, programPath } from "../../remote/artifact";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle } from "../../remote/bundle";

/** The account that administers, the one that owns and pushes the platform's repository, and the one that only reads it. */
export const GIT_ADMINISTRATOR = "platform-admin";
export const GIT_WRITER = "deployer";
export const GIT_READER = "argocd";

/** The repository that holds what the clusters run. */
export const GIT_REPOSITORY = "platform";

/** Where Gogs listens, to its machine only: HAProxy there opens TLS. */
export const GOGS_LOCAL_PORT = 3000;

export interface GogsSecrets {
  /** Passwords by account. */
  readonly passwords: Readonly<Record<typeof GIT_ADMINISTRATOR | typeof GIT_WRITER | typeof GIT_READER, string>>;
  /** Encrypts what Gogs keeps encrypted; never changes. */
  readonly secretKey: string;
}

const SERVICE = "gogs";

/** Gogs' own configuration: nobody registers, nobody reads without an account, nothing leaves the machine. */
export function renderAppIni(config: Pick<PlatformConfig, "prefix" | "domain">, secrets: Pick<GogsSecrets, "secretKey">): string {
  const host = serviceHost(config, "gogs");
  // Gogs refuses webhooks to private addresses but for these names.
  const webhookTargets = (["argocd-apps", "argocd-mw", "argocd-dmz"] as const).map((label) => serviceHost(config, label));
  const sections: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>> = {
    server: {
      DOMAIN: host,
      EXTERNAL_URL: `https://${host}/`,
      PROTOCOL: "http",
      HTTP_ADDR: "127.0.0.1",
      HTTP_PORT: GOGS_LOCAL_PORT,
      LOCAL_ROOT_URL: `http://127.0.0.1:${GOGS_LOCAL_PORT}/`,
      DISABLE_SSH: true,
      START_SSH_SERVER: false,
      OFFLINE_MODE: true,
      DISABLE_ROUTER_LOG: true,
      APP_DATA_PATH: "/srv/gogs/data",
      LANDING_URL: "home",
    },
    repository: {
      ROOT: "/srv/gogs/repositories",
      FORCE_PRIVATE: true,
      DEFAULT_BRANCH: "main",
      ENABLE_LOCAL_PATH_MIGRATION: false,
      ENABLE_RAW_FILE_RENDER_MODE: false,
    },
    "repository.upload": { ENABLED: false },
    database: { TYPE: "sqlite3", PATH: "/srv/gogs/data/gogs.db" },
    security: {
      INSTALL_LOCK: true,
      SECRET_KEY: secrets.secretKey,
      COOKIE_SECURE: true,
      LOGIN_REMEMBER_DAYS: 1,
      LOCAL_NETWORK_ALLOWLIST: webhookTargets.join(","),
    },
    auth: { REQUIRE_SIGNIN_VIEW: true, DISABLE_REGISTRATION: true, ENABLE_REGISTRATION_CAPTCHA: false },
    user: { ENABLE_EMAIL_NOTIFICATION: false },
    session: { PROVIDER: "memory", COOKIE_SECURE: true },
    attachment: { ENABLED: false },
    picture: { DISABLE_GRAVATAR: true },
    webhook: { SKIP_TLS_VERIFY: false },
    log: { ROOT_PATH: "/srv/gogs/log", MODE: "console", LEVEL: "Info" },
    "log.console": { LEVEL: "Info" },
    prometheus: { ENABLED: false },
  };
  return [
    "; Managed by Pulumi: edits are overwritten. Made by src/base/gogs/files.ts.",
    "BRAND_NAME = Platform",
    "RUN_USER = gogs",
    "RUN_MODE = prod",
    ...Object.entries(sections).flatMap(([section, values]) => [
      "",
      `[${section}]`,
      ...Object.entries(values).map(([key, value]) => `${key} = ${value}`),
    ]),
    "",
  ].join("\n");
}

const UNIT = `[Unit]
Description=Gogs, the platform's Git server
After=network-online.target
RequiresMountsFor=/srv
[Service]
User=gogs
Group=gogs
WorkingDirectory=/srv/gogs
Environment=HOME=/srv/gogs/home USER=gogs GOGS_WORK_DIR=/srv/gogs GOGS_CUSTOM=/srv/gogs/custom
ExecStart=${programPath("gogs")} web --config /etc/gogs/app.ini
Restart=always
RestartSec=2s
${HARDENED}RestrictAddressFamilies=AF_INET AF_UNIX
CapabilityBoundingSet=
UMask=0077
ReadWritePaths=/srv/gogs
[Install]
WantedBy=multi-user.target
`;

/** Gogs on its machine, with its accounts and the platform's repository. */
export function gogsBundle(config: PlatformConfig, secrets: GogsSecrets): Bundle {
  const program = artifact(config, "gogs");
  const accounts = {
    administrator: { name: GIT_ADMINISTRATOR, password: secrets.passwords[GIT_ADMINISTRATOR] },
    writer: { name: GIT_WRITER, password: secrets.passwords[GIT_WRITER] },
    reader: { name: GIT_READER, password: secrets.passwords[GIT_READER] },
    repository: GIT_REPOSITORY,
    mailDomain: config.domain,
  };
  return {
    name: SERVICE,
    files: [
      ...program.files,
      managedFile("/etc/platform/gogs/app.ini", renderAppIni(config, secrets), "0600"),
      managedFile("/etc/platform/gogs/accounts.json", `${JSON.stringify(accounts, undefined, 2)}\n`, "0600"),
      managedFile("/etc/systemd/system/platform-gogs.service", UNIT),
      scriptFile(SERVICE, __dirname, "gogs.sh"),
      scriptFile(SERVICE, __dirname, "accounts.py"),
    ],
    steps: [
      program.step,
      { name: SERVICE, path: scriptPath(SERVICE, "gogs.sh"), timeoutSeconds: 180 },
      { name: "accounts and repository", path: scriptPath(SERVICE, "accounts.py"), timeoutSeconds: 120 },
    ],
  };
}
