import { REGISTRY_READER } from "../../base/registry/files";
import type { PlatformConfig } from "../../config/schema";
import { serviceHost } from "../../network/dns";
import type { PlatformPlan } from "../../plan/platform-plan";
import { toYaml } from "../../shared/yaml";

/** Where every machine finds the platform's authority. */
export const ROOT_CERTIFICATE = "/usr/local/share/ca-certificates/platform-root.crt";

/**
 * Where containerd takes images from: what names the platform's registry comes from its machine itself; in mirrored mode
 * everything does.
 */
export function renderRegistries(config: PlatformConfig, plan: PlatformPlan, readerPassword: string): string {
  const machine = plan.machines.find((each) => each.roles.includes("registry"));
  if (machine === undefined) throw new RangeError("the plan has no machine for the registry");
  const host = `${machine.fqdn}:8443`;
  const mirror = { endpoint: [`https://${host}`] };
  return toYaml({
    mirrors: { [serviceHost(config, "registry")]: mirror, ...(config.artifacts.mode === "mirrored" ? { "*": mirror } : {}) },
    configs: { [host]: { auth: { username: REGISTRY_READER, password: readerPassword }, tls: { ca_file: ROOT_CERTIFICATE } } },
  });
}
