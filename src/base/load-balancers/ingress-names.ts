import type { ClusterName } from "../../../sizing/tiers";
import type { PlatformConfig } from "../../config/schema";
import { serviceHost, serviceNamesFor } from "../../network/dns";
import { HOMES } from "./homes";

/** The names that a cluster's ingress is asked for, whichever load balancer asks. The public API ends at the DMZ's own. */
export function ingressNames(config: PlatformConfig, cluster: ClusterName): readonly string[] {
  return serviceNamesFor(config.products)
    .filter(({ label }) => HOMES[label] === cluster || (cluster === "dmz" && label === "api"))
    .map(({ label }) => serviceHost(config, label));
}
