import type { PlatformPlan } from "../src/plan/platform-plan";
import type { Lxd } from "./lxd";
import { bridgeName, ZONE_NAMES } from "./sandbox";

/** The sandbox plays the team that runs the organisation's DNS: each zone's name server knows the plan's records, and asks nobody else. */
export async function serveNames(lxd: Lxd, slot: number, plan: PlatformPlan): Promise<void> {
  const records = plan.dns.map(({ name, ip }) => `host-record=${name},${ip}`);
  const wanted = ["no-resolv", ...records].join("\n");
  for (const zone of ZONE_NAMES) {
    const path = `/networks/${bridgeName(slot, zone)}`;
    const { config } = (await lxd.get(path)) as { config: Readonly<Record<string, string>> };
    // A change starts the name server anew.
    if (config["raw.dnsmasq"] !== wanted) await lxd.patch(path, { config: { "raw.dnsmasq": wanted } });
  }
}
