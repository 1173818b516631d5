/** keepalived's configuration for one of a pair: who holds the virtual addresses, decided within half a second. */

export interface KeepalivedInput {
  readonly host: string;
  readonly guestInterface: string;
  readonly ip: string;
  readonly peers: readonly string[];
  /** In CIDR form, all of them together on one of the pair. */
  readonly addresses: readonly string[];
  /** 1 to 255, the same on both and unlike any other pair's on the same network. */
  readonly routerId: number;
  /** Between two that start at once, the higher one wins; later it changes nothing. */
  readonly priority: number;
  /** The program that says, as an unprivileged user, whether HAProxy serves. */
  readonly healthScript: string;
}

/** The account that health scripts run as. */
export const SCRIPT_USER = "keepalived_script";

/** Seconds between advertisements; the other one takes over after three and a bit are missing. */
const ADVERTISEMENT_SECONDS = 0.1;

/** The whole file, accepted by `keepalived -t`. Same input, same text. */
export function renderKeepalived(input: KeepalivedInput): string {
  return [
    "# Managed by Pulumi: edits are overwritten. Made by src/base/load-balancers/keepalived.ts.",
    "global_defs {",
    `    router_id ${input.host}`,
    "    vrrp_version 3",
    "    enable_script_security",
    `    script_user ${SCRIPT_USER}`,
    "    # Neighbours that missed the first announcement hear it again.",
    "    vrrp_garp_master_repeat 5",
    "    vrrp_garp_master_refresh 30",
    "}",
    "",
    "vrrp_script haproxy {",
    `    script "${input.healthScript}"`,
    "    interval 1",
    "    timeout 1",
    "    fall 1",
    "    rise 2",
    "}",
    "",
    "vrrp_instance addresses {",
    "    # Both start as backup and nobody takes over from a living one: a machine that comes back interrupts nothing.",
    "    state BACKUP",
    "    nopreempt",
    `    interface ${input.guestInterface}`,
    `    virtual_router_id ${input.routerId}`,
    `    priority ${input.priority}`,
    `    advert_int ${ADVERTISEMENT_SECONDS}`,
    "    # Unicast: a hypervisor's switch may drop multicast.",
    `    unicast_src_ip ${input.ip}`,
    "    unicast_peer {",
    ...input.peers.map((peer) => `        ${peer}`),
    "    }",
    "    virtual_ipaddress {",
    ...input.addresses.map((address) => `        ${address} dev ${input.guestInterface}`),
    "    }",
    "    track_script {",
    "        haproxy",
    "    }",
    "}",
    "",
  ].join("\n");
}
