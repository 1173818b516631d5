import type { PlatformConfig } from "../config/schema";

/** What a cluster's programs reach without the proxy: themselves, the platform, and what the operator names. */
export function withoutProxy(config: PlatformConfig): readonly string[] {
  const direct = [
    "127.0.0.0/8",
    "localhost",
    ...Object.values(config.zones).map((zone) => zone.cidr),
    config.clusters.podNetwork,
    config.clusters.serviceNetwork,
    ".svc",
    ".cluster.local",
    `.${config.domain}`,
    ...(config.proxy?.noProxy ?? []),
  ];
  return [...new Set(direct)];
}
