import { createHash } from "node:crypto";
import { REGISTRY_READER } from "../../base/registry/files";
import type { PlatformConfig } from "../../config/schema";
import { VERSIONS } from "../../config/versions";
import { serviceHost } from "../../network/dns";
import type { PlatformPlan } from "../../plan/platform-plan";
import { artifactVersion } from "../../remote/artifact";
import { workloadsFor } from "../../../sizing/workloads";
import { toYaml } from "../../shared/yaml";
import { withoutProxy } from "../without-proxy";

/** Rancher as Helm installs it on MIDDLEWARE: RKE2's own Helm controller does the work, in the cluster. */

export const RANCHER_NAMESPACE = "cattle-system";
export const RANCHER_TLS_SECRET = "tls-rancher-ingress";
/** Where RKE2's Helm controller looks for charts and for what they need. */
export const CHART_NAMESPACE = "kube-system";
export const CHART_REGISTRY_SECRET = "platform-chart-registry";

const REPLICAS = 3;
/** Of ten seconds each: a first start creates its own kinds and waits for its webhook. */
const STARTUP_CHECKS = 60;

/** The chart's values: highly available, its certificate and authority given, agents that trust that authority only. */
export function rancherValues(config: PlatformConfig, plan: PlatformPlan, rootCertificate: string): Readonly<Record<string, unknown>> {
  const size = workloadsFor("middleware", plan.tier, config.products).find(({ component }) => component === "rancher");
  if (size === undefined) throw new RangeError("the sizing model has no Rancher");
  const isMirrored = config.artifacts.mode === "mirrored";
  return {
    hostname: serviceHost(config, "rancher"),
    replicas: REPLICAS,
    antiAffinity: "preferred",
    resources: { requests: { cpu: `${size.cpuMillicores}m`, memory: `${size.memoryMib}Mi` } },
    startupProbe: { failureThreshold: STARTUP_CHECKS },
    networkExposure: { type: "ingress" },
    ingress: { enabled: true, ingressClassName: "traefik", tls: { source: "secret", secretName: RANCHER_TLS_SECRET } },
    privateCA: true,
    agentTLSMode: "strict",
    auditLog: { enabled: true, level: 1, destination: "sidecar" },
    // Rancher reads its authority at its start: another root must start it again.
    extraEnv: [{ name: "PLATFORM_ROOT_SHA256", value: createHash("sha256").update(rootCertificate).digest("hex") }],
    // Its job would clear away what other clusters still need.
    postDelete: { enabled: false },
    ...(isMirrored ? { systemDefaultRegistry: serviceHost(config, "registry"), useBundledSystemChart: true } : {}),
    ...(config.proxy === undefined || isMirrored ? {} : { proxy: config.proxy.url, noProxy: withoutProxy(config).join(",") }),
  };
}

/** What RKE2's Helm controller is asked for: the chart from its publisher, or in mirrored mode from the platform's own registry. */
export function rancherChart(
  config: PlatformConfig,
  plan: PlatformPlan,
  rootCertificate: string,
): { readonly [key: string]: string | Readonly<Record<string, string>> } {
  const { chart, source } = VERSIONS.rancher;
  const from =
    config.artifacts.mode === "mirrored"
      ? {
          chart: `oci://${serviceHost(config, "registry")}/charts/${chart}`,
          repoCA: rootCertificate,
          dockerRegistrySecret: { name: CHART_REGISTRY_SECRET },
        }
      : { chart, repo: source };
  return {
    ...from,
    version: artifactVersion(config, "rancher"),
    targetNamespace: RANCHER_NAMESPACE,
    // As Go writes it: the controller would write it so, and the next change would be a conflict.
    timeout: "15m0s",
    // By its default the controller answers a failed upgrade by taking Rancher away and installing it anew.
    failurePolicy: "retry",
    valuesContent: toYaml(rancherValues(config, plan, rootCertificate)),
  };
}

/** Credentials for the platform's registry, as the Helm controller reads them. */
export function registryLogin(config: PlatformConfig, password: string): string {
  return JSON.stringify({ auths: { [serviceHost(config, "registry")]: { username: REGISTRY_READER, password } } });
}
