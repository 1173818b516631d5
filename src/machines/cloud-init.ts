import type { PlatformConfig } from "../config/schema";
import type { PlannedMachine } from "../plan/platform-plan";
import { receiver } from "../remote/bundle";
import { toYaml } from "../shared/yaml";
import { renderHosts } from "./preparation/files";

/** The account that preparation logs in with; it may do one thing as root. */
export const DEPLOY_USER = "deploy";

/** Keys a machine is born with. */
export interface BirthKeys {
  readonly deployPublicKey: string;
  readonly hostPublicKey: string;
  /** OpenSSH form. The one secret in user data; the machine redacts it from the hypervisor after its first boot. */
  readonly hostPrivateKey: string;
}

/**
 * cloud-init's user data: just enough that the deployer, and nobody else, reaches the machine over SSH and knows it by
 * its key. All that may change later is preparation's work.
 */
export function renderUserData(machine: PlannedMachine, keys: BirthKeys): string {
  const { path, mode, content } = receiver();
  return `#cloud-config\n${toYaml({
    hostname: machine.name,
    fqdn: machine.fqdn,
    preserve_hostname: false,
    manage_etc_hosts: false,
    timezone: "Etc/UTC",
    ssh_pwauth: false,
    disable_root: true,
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: keys.hostPrivateKey, ed25519_public: keys.hostPublicKey },
    no_ssh_fingerprints: true,
    ssh: { emit_keys_to_console: false },
    // sshd's hardened settings let in this group only, and may take effect before preparation has made any account.
    groups: ["platform-ssh"],
    users: [
      {
        name: DEPLOY_USER,
        gecos: "Deployment",
        shell: "/bin/bash",
        lock_passwd: true,
        groups: "platform-ssh",
        sudo: `ALL=(root) NOPASSWD: ${path}`,
        ssh_authorized_keys: [keys.deployPublicKey.trim()],
      },
    ],
    write_files: [
      { path, permissions: mode, owner: "root:root", content },
      { path: "/etc/hosts", permissions: "0644", owner: "root:root", content: renderHosts(machine) },
    ],
    growpart: { mode: "auto", devices: ["/"] },
    resize_rootfs: true,
    package_update: false,
    package_upgrade: false,
  })}`;
}

/** cloud-init's metadata for the VMware data source: identity, the static address, and which keys to redact after boot. */
export function renderMetadata(config: PlatformConfig, machine: PlannedMachine): string {
  const zone = config.zones[machine.zone];
  const [, prefixLength = ""] = zone.cidr.split("/");
  return toYaml({
    "instance-id": machine.name,
    "local-hostname": machine.name,
    "cleanup-guestinfo": ["userdata"],
    network: {
      version: 1,
      config: [
        {
          type: "physical",
          name: config.hypervisor.guestInterface,
          subnets: [
            {
              type: "static",
              address: `${machine.ip}/${prefixLength}`,
              gateway: zone.gateway,
              dns_nameservers: zone.dns,
              dns_search: [config.domain],
            },
          ],
        },
      ],
    },
  });
}
