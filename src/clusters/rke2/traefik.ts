import type { PlatformPlan } from "../../plan/platform-plan";
import type { ClusterName } from "../../../sizing/tiers";
import { toYaml } from "../../shared/yaml";

/** The Secret with the certificate that Traefik shows for every host without one of its own. */
export const INGRESS_SECRET = "platform-ingress";

/** Uploads of images and documents are slower than Traefik's minute. */
const READ_TIMEOUT = "600s";

/** What changes RKE2's own Traefik: who is believed about clients' addresses, its certificate, its health. */
export function renderTraefikConfig(plan: PlatformPlan, cluster: ClusterName): string {
  const groups = cluster === "dmz" ? ["lblan", "lbdmz"] : ["lblan"];
  const trustedIPs = plan.machines.filter((machine) => groups.includes(machine.group)).map((machine) => `${machine.ip}/32`);
  const values = {
    ports: {
      web: { forwardedHeaders: { trustedIPs } },
      websecure: { forwardedHeaders: { trustedIPs }, transport: { respondingTimeouts: { readTimeout: READ_TIMEOUT } } },
    },
    tlsStore: { default: { defaultCertificate: { secretName: INGRESS_SECRET } } },
    // The load balancers ask on the port that serves requests: any other path is a 404 for a host that Traefik does not know.
    extraObjects: [
      {
        apiVersion: "traefik.io/v1alpha1",
        kind: "IngressRoute",
        metadata: { name: "platform-health", namespace: "kube-system" },
        spec: {
          entryPoints: ["websecure"],
          routes: [
            {
              kind: "Rule",
              match: `Path(\`/ping\`) && (${trustedIPs.map((each) => `ClientIP(\`${each}\`)`).join(" || ")})`,
              services: [{ name: "ping@internal", kind: "TraefikService" }],
            },
          ],
          tls: {},
        },
      },
    ],
  };
  return toYaml({
    apiVersion: "helm.cattle.io/v1",
    kind: "HelmChartConfig",
    metadata: { name: "rke2-traefik", namespace: "kube-system" },
    spec: { valuesContent: toYaml(values) },
  });
}

/** The Secret itself, PEM in both. */
export function renderIngressSecret(chain: string, key: string): string {
  return toYaml({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: INGRESS_SECRET, namespace: "kube-system" },
    type: "kubernetes.io/tls",
    stringData: { "tls.crt": chain, "tls.key": key },
  });
}
