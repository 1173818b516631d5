import type { PlatformConfig } from "../config/schema";
import { serviceHost } from "../network/dns";
import type { PlannedMachine, PlatformPlan } from "../plan/platform-plan";
import { managedFile, scriptFile, scriptPath } from "../remote/bundle";
import type { Bundle } from "../remote/bundle";
import { GOGS_LOCAL_PORT } from "./gogs/files";
import { renderHaproxy } from "./haproxy";
import { CERTIFICATE_FILE, haproxyFiles, haproxyStep } from "./haproxy-files";
import type { ServerCertificate } from "./haproxy-files";
import { REGISTRY_LOCAL_PORT, REGISTRY_READER, REGISTRY_WRITER } from "./registry/files";

const SERVICE = "gitops-front";

/** Ports of Gogs and of the registry, as others reach them. */
const GOGS_PORT = 443;
const REGISTRY_PORT = 8443;

/** The names under which others reach the machine's services. */
export function gitopsNames(config: PlatformConfig, machine: PlannedMachine): readonly string[] {
  return [serviceHost(config, "gogs"), serviceHost(config, "registry"), machine.fqdn];
}

/** HAProxy before Gogs and the registry: one place for TLS, and for who may write. */
export function renderGitopsHaproxy(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine): string {
  const [gogs, registry] = [serviceHost(config, "gogs"), serviceHost(config, "registry")];
  const loadBalancers = plan.machines.filter((each) => each.group === "lblan").map((each) => each.ip);
  const front = { kind: "https", address: machine.ip, certificate: CERTIFICATE_FILE, trustedProxies: loadBalancers } as const;
  return renderHaproxy({
    host: machine.name,
    nameServers: [],
    frontEnds: [
      {
        ...front,
        name: "git",
        connections: 1000,
        port: GOGS_PORT,
        routes: [gogs, machine.fqdn].map((host) => ({ host, backEnd: "gogs" })),
        // Gogs serves its innards to anybody and has no switch for that.
        closedPaths: ["/debug", "/urlmap.json", "/-/"],
      },
      {
        ...front,
        name: "images",
        connections: 1000,
        port: REGISTRY_PORT,
        routes: [registry, machine.fqdn].map((host) => ({ host, backEnd: "registry" })),
        onlyWriter: REGISTRY_WRITER,
      },
    ],
    backEnds: [
      {
        name: "gogs",
        mode: "http",
        servers: [{ name: "local", host: "127.0.0.1", port: GOGS_LOCAL_PORT }],
        check: { kind: "http", path: "/healthcheck", expect: [200] },
      },
      {
        name: "registry",
        mode: "http",
        servers: [{ name: "local", host: "127.0.0.1", port: REGISTRY_LOCAL_PORT }],
        check: { kind: "http", path: "/v2/", expect: [401] },
      },
    ],
  });
}

export interface GitopsFrontSecrets {
  readonly certificate: ServerCertificate;
  readonly rootCertificate: string;
  readonly readerPassword: string;
}

/** HAProxy of the gitops machine, with a gate that asks both services by name, TLS verified. */
export function gitopsFrontBundle(
  config: PlatformConfig,
  plan: PlatformPlan,
  machine: PlannedMachine,
  secrets: GitopsFrontSecrets,
): Bundle {
  return {
    name: SERVICE,
    files: [
      ...haproxyFiles(SERVICE, renderGitopsHaproxy(config, plan, machine), secrets),
      managedFile("/etc/platform/gitops-front/address", `${machine.ip}\n`),
      managedFile("/etc/platform/gitops-front/names", `${serviceHost(config, "gogs")}\n${serviceHost(config, "registry")}\n`),
      managedFile("/etc/platform/gitops-front/reader", `user = "${REGISTRY_READER}:${secrets.readerPassword}"\n`, "0600"),
      scriptFile(SERVICE, __dirname, "gitops-front.sh"),
    ],
    steps: [haproxyStep(SERVICE), { name: "gate", path: scriptPath(SERVICE, "gitops-front.sh"), timeoutSeconds: 60 }],
  };
}
