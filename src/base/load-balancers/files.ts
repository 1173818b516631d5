import type { PlatformConfig } from "../../config/schema";
import type { PlannedMachine, PlatformPlan } from "../../plan/platform-plan";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle } from "../../remote/bundle";
import { renderHaproxy } from "../haproxy";
import { haproxyFiles, haproxyStep } from "../haproxy-files";
import type { ServerCertificate } from "../haproxy-files";
import { renderKeepalived } from "./keepalived";
import { pairRoutes } from "./routes";
import type { LoadBalancerGroup } from "./routes";

const SERVICE = "load-balancer";

/** HAProxy's configuration on one machine of a pair. */
export function renderPairHaproxy(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine): string {
  const { frontEnds, backEnds } = pairRoutes(config, plan, machine.group as LoadBalancerGroup);
  return renderHaproxy({
    host: machine.name,
    nameServers: config.zones[machine.zone].dns,
    frontEnds,
    backEnds,
  });
}

/** keepalived's configuration on one machine of a pair. */
export function renderPairKeepalived(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine): string {
  const carried = plan.virtualAddresses.filter((each) => each.group === machine.group);
  const [, prefixLength = ""] = config.zones[machine.zone].cidr.split("/");
  return renderKeepalived({
    host: machine.name,
    guestInterface: config.hypervisor.guestInterface,
    ip: machine.ip,
    peers: plan.machines.filter((each) => each.group === machine.group && each.name !== machine.name).map((each) => each.ip),
    addresses: carried.map((each) => `${each.ip}/${prefixLength}`),
    // Unique on its network as the address is; 0 is not allowed.
    routerId: Number(carried[0]?.ip.split(".")[3]) || 255,
    priority: 100 - machine.ordinal,
    healthScript: scriptPath(SERVICE, "check-haproxy.sh"),
  });
}

/** One load balancer: HAProxy first, then keepalived, which would hand the addresses to a machine that does not serve. */
export function loadBalancerBundle(
  config: PlatformConfig,
  plan: PlatformPlan,
  machine: PlannedMachine,
  trust: { readonly rootCertificate: string; readonly certificate?: ServerCertificate | undefined },
): Bundle {
  return {
    name: SERVICE,
    files: [
      ...haproxyFiles(SERVICE, renderPairHaproxy(config, plan, machine), trust),
      managedFile("/etc/platform/keepalived/keepalived.conf", renderPairKeepalived(config, plan, machine)),
      scriptFile(SERVICE, __dirname, "check-haproxy.sh"),
      scriptFile(SERVICE, __dirname, "keepalived.sh"),
    ],
    steps: [haproxyStep(SERVICE), { name: "keepalived", path: scriptPath(SERVICE, "keepalived.sh"), timeoutSeconds: 120 }],
  };
}
