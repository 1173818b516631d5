import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Role } from "../../../sizing/tiers";
import type { PlatformConfig } from "../../config/schema";
import { renderNftables } from "../../network/firewall";
import { isIpv4 } from "../../network/ipv4";
import type { PlannedMachine, PlatformPlan } from "../../plan/platform-plan";
import { receiver } from "../../remote/bundle";
import type { Bundle, ManagedFile, Step } from "../../remote/bundle";

/** Public material that the program generates and every machine gets. */
export interface GeneratedTrust {
  /** The deployer's key in authorized_keys form. */
  readonly deployPublicKey: string;
  /** The platform's root authority, PEM. */
  readonly rootCertificate: string;
}

const SCRIPTS = "/usr/local/lib/platform/prepare";
const MANAGED = "# Managed by Pulumi: edits are overwritten. Made by src/machines/preparation/files.ts.";

/** Packages every machine has, whatever its role. */
const BASE_PACKAGES = ["auditd", "ca-certificates", "chrony", "curl", "e2fsprogs", "nftables", "openssl", "python3", "sudo"];

/** What the services of a role need of the distribution. */
const ROLE_PACKAGES: Partial<Record<Role, readonly string[]>> = {
  "load-balancer": ["haproxy", "iputils-ping", "keepalived"],
  git: ["git", "haproxy", "restic", "unzip"],
  vault: ["age", "gnupg", "logrotate", "restic", "unzip"],
  backup: ["unzip"],
  // Longhorn's volumes, on machines of clusters that have it.
  storage: ["nfs-common", "open-iscsi"],
};

/** Longest a step may take. Packages come over the network, all else is local. */
const STEP_SECONDS = 180;
const PACKAGE_STEP_SECONDS = 900;

function lines(...content: readonly string[]): string {
  return `${content.join("\n")}\n`;
}

function file(path: string, content: string, mode: ManagedFile["mode"] = "0644"): ManagedFile {
  return { path, mode, content };
}

/** Where a machine's data disk belongs; undefined for a machine without one. */
export function dataMountOf(machine: Pick<PlannedMachine, "dataDiskGb" | "roles" | "cluster">): string | undefined {
  if (machine.dataDiskGb === 0) return undefined;
  if (machine.roles.includes("vault")) return "/var/lib/vault";
  if (machine.cluster === "dmz") return "/var/lib/rancher";
  if (machine.roles.includes("storage")) return "/var/lib/longhorn";
  return "/srv";
}

/** The second disk as Linux names it: unit 1 of the machine's one SCSI controller. */
const DATA_DEVICE = "/dev/sdb";

/** The hosts file: the machine must know its own name before any DNS answers. */
export function renderHosts(machine: PlannedMachine): string {
  return lines(MANAGED, "127.0.0.1 localhost", `${machine.ip} ${machine.fqdn} ${machine.name}`, "::1 localhost ip6-localhost ip6-loopback");
}

function packagesOf(machine: PlannedMachine): readonly string[] {
  return [...BASE_PACKAGES, ...machine.roles.flatMap((role) => ROLE_PACKAGES[role] ?? [])];
}

function identityFiles(config: PlatformConfig, machine: PlannedMachine): readonly ManagedFile[] {
  const zone = config.zones[machine.zone];
  const mount = dataMountOf(machine);
  const [, prefixLength = ""] = zone.cidr.split("/");
  return [
    file("/etc/hosts", renderHosts(machine)),
    file("/etc/platform/hostname", lines(machine.name)),
    file("/etc/platform/address", lines(`${machine.ip}/${prefixLength}`)),
    file("/etc/platform/roles", lines(...machine.roles)),
    file("/etc/platform/artifacts", lines(config.artifacts.mode)),
    file("/etc/platform/packages", lines(...packagesOf(machine))),
    file("/etc/platform/data-disk", mount === undefined ? "" : lines(`${mount} ${DATA_DEVICE} ${machine.dataDiskGb}`)),
    file("/etc/platform/resolv.conf", lines(MANAGED, ...zone.dns.map((server) => `nameserver ${server}`), `search ${config.domain}`)),
    file(
      "/etc/systemd/resolved.conf.d/platform.conf",
      lines(MANAGED, "[Resolve]", `DNS=${zone.dns.join(" ")}`, `Domains=${config.domain}`),
    ),
    file(
      "/etc/chrony/chrony.conf",
      lines(
        MANAGED,
        ...zone.ntp.map((server) => `server ${server} iburst`),
        "driftfile /var/lib/chrony/chrony.drift",
        "ntsdumpdir /var/lib/chrony",
        "makestep 1.0 3",
        "rtcsync",
        "# A client only: no port is open for others.",
        "port 0",
        "cmdport 0",
      ),
    ),
  ];
}

function accessFiles(config: PlatformConfig, trust: GeneratedTrust): readonly ManagedFile[] {
  const people = Object.entries(config.access.administrators).sort(([left], [right]) => (left < right ? -1 : 1));
  return [
    file("/etc/platform/administrators", people.map(([name]) => `${name}\n`).join("")),
    file("/etc/ssh/authorized_keys.d/deploy", lines(trust.deployPublicKey.trim())),
    ...people.map(([name, person]) => file(`/etc/ssh/authorized_keys.d/${name}`, lines(...person.keys))),
    file(
      "/etc/sudoers.d/10-platform",
      lines(MANAGED, "%platform-admins ALL=(ALL:ALL) NOPASSWD: ALL", "deploy ALL=(root) NOPASSWD: /usr/local/sbin/platform-apply"),
      "0440",
    ),
    file(
      "/etc/ssh/sshd_config.d/10-platform.conf",
      lines(
        MANAGED,
        "# Keys only, from files that only root can change.",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin no",
        "PermitEmptyPasswords no",
        "AllowGroups platform-ssh",
        "AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u",
        "HostKey /etc/ssh/ssh_host_ed25519_key",
        "X11Forwarding no",
        "AllowAgentForwarding no",
        "AllowTcpForwarding no",
        "PermitTunnel no",
        "PermitUserEnvironment no",
        "MaxAuthTries 3",
        "LoginGraceTime 30",
        "ClientAliveInterval 60",
        "ClientAliveCountMax 10",
        "KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org",
        "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com",
        "MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com",
        "LogLevel VERBOSE",
      ),
    ),
  ];
}

function hardeningFiles(machine: PlannedMachine): readonly ManagedFile[] {
  return [
    file(
      "/etc/sysctl.d/90-platform.conf",
      lines(
        MANAGED,
        "fs.protected_hardlinks = 1",
        "fs.protected_symlinks = 1",
        "fs.protected_fifos = 2",
        "fs.protected_regular = 2",
        "fs.suid_dumpable = 0",
        "kernel.dmesg_restrict = 1",
        "kernel.kptr_restrict = 1",
        "kernel.randomize_va_space = 2",
        "net.ipv4.conf.all.accept_redirects = 0",
        "net.ipv4.conf.default.accept_redirects = 0",
        "net.ipv4.conf.all.send_redirects = 0",
        "net.ipv4.conf.default.send_redirects = 0",
        "net.ipv4.conf.all.accept_source_route = 0",
        "net.ipv4.conf.default.accept_source_route = 0",
        "net.ipv4.conf.all.log_martians = 1",
        "net.ipv4.icmp_echo_ignore_broadcasts = 1",
        "net.ipv4.tcp_syncookies = 1",
        "net.ipv6.conf.all.accept_redirects = 0",
        "net.ipv6.conf.all.accept_ra = 0",
        ...(machine.roles.includes("load-balancer")
          ? ["# The standby binds the virtual addresses before it holds them.", "net.ipv4.ip_nonlocal_bind = 1"]
          : []),
      ),
    ),
    file(
      "/etc/systemd/journald.conf.d/platform.conf",
      lines(MANAGED, "[Journal]", "Storage=persistent", "SystemMaxUse=1G", "SystemKeepFree=2G", "MaxRetentionSec=30day"),
    ),
    file(
      "/etc/audit/rules.d/90-platform.rules",
      lines(
        MANAGED,
        "-w /etc/passwd -p wa -k identity",
        "-w /etc/shadow -p wa -k identity",
        "-w /etc/group -p wa -k identity",
        "-w /etc/sudoers -p wa -k privilege",
        "-w /etc/sudoers.d -p wa -k privilege",
        "-w /etc/ssh -p wa -k access",
        "-w /etc/platform -p wa -k platform",
        "-w /etc/nftables.conf -p wa -k firewall",
        "-w /usr/local/sbin/platform-apply -p wa -k platform",
        "-a always,exit -F arch=b64 -S execve -F euid=0 -F auid>=1000 -F auid!=unset -k as-root",
        "-a always,exit -F arch=b64 -S init_module,finit_module,delete_module -k modules",
        "-a always,exit -F arch=b64 -S clock_settime,settimeofday,adjtimex -k time",
      ),
    ),
  ];
}

function proxyFiles(config: PlatformConfig): readonly ManagedFile[] {
  if (config.proxy === undefined) return [];
  const { url, noProxy } = config.proxy;
  const none = ["localhost", "127.0.0.1", ...noProxy].join(",");
  return [
    file(
      "/etc/apt/apt.conf.d/90-platform-proxy",
      lines(MANAGED.replace("#", "//"), `Acquire::http::Proxy "${url}";`, `Acquire::https::Proxy "${url}";`),
    ),
    file(
      "/etc/profile.d/platform-proxy.sh",
      lines(MANAGED, ...["http_proxy", "https_proxy"].map((name) => `export ${name}=${url}`), `export no_proxy="${none}"`),
    ),
  ];
}

/** The firewall file of one machine, from the plan's flows. */
export function renderFirewall(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine): string {
  return renderNftables({
    host: machine.name,
    zone: machine.zone,
    addresses: [machine.ip, ...plan.virtualAddresses.filter((each) => each.group === machine.group).map((each) => each.ip)],
    isClusterNode: machine.cluster !== undefined,
    guestInterface: config.hypervisor.guestInterface,
    flows: plan.flows,
    zoneNetworks: Object.values(config.zones).map((zone) => zone.cidr),
    organisationNetworks: [
      ...config.access.administratorNetworks,
      ...config.access.deployerNetworks,
      ...config.access.userNetworks,
      ...(isIpv4(config.hypervisor.server) ? [config.hypervisor.server] : []),
    ],
  });
}

function scripts(): readonly ManagedFile[] {
  return readdirSync(__dirname)
    .filter((name) => name.endsWith(".sh"))
    .sort()
    .map((name) => file(`${SCRIPTS}/${name}`, readFileSync(join(__dirname, name), "utf8"), "0755"));
}

/** Everything preparation puts on a machine. Names files by their place on the machine. */
export function preparationFiles(
  config: PlatformConfig,
  plan: PlatformPlan,
  machine: PlannedMachine,
  trust: GeneratedTrust,
): readonly ManagedFile[] {
  return [
    receiver(),
    ...identityFiles(config, machine),
    ...accessFiles(config, trust),
    ...hardeningFiles(machine),
    ...proxyFiles(config),
    file("/usr/local/share/ca-certificates/platform-root.crt", trust.rootCertificate),
    file("/etc/platform/nftables.conf", renderFirewall(config, plan, machine)),
    ...scripts(),
  ];
}

function step(path: string): Step {
  const name = path.replace(/^.*\/(\d+-)?/, "").replace(".sh", "");
  return { name, path, timeoutSeconds: name === "packages" ? PACKAGE_STEP_SECONDS : STEP_SECONDS };
}

/** Brings a machine to its prepared state; a second run with the same files only looks. */
export function preparationBundle(files: readonly ManagedFile[]): Bundle {
  const steps = files.map((each) => each.path).filter((path) => /\/prepare\/\d\d-/.test(path));
  return { name: "prepare", files, steps: steps.map(step) };
}

/** Checks a prepared machine and keeps its firewall's rules; loads them again first if nobody confirmed them in time. */
export const VERIFICATION_BUNDLE: Bundle = {
  name: "verify",
  files: [],
  steps: [step(`${SCRIPTS}/90-firewall.sh`), step(`${SCRIPTS}/verify.sh`)],
};
