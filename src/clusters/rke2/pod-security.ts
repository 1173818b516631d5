import type { ClusterName } from "../../../sizing/tiers";
import { toYaml } from "../../shared/yaml";

/** Where servers read it. */
export const POD_SECURITY_PATH = "/etc/rancher/rke2/pod-security.yaml";

/**
 * Namespaces whose pods are the platform's own and cannot be `restricted`: the system's, and those that Rancher's agents make by
 * themselves, without labels. Every other namespace that needs more says so on its own label.
 */
const EXEMPT_NAMESPACES = ["kube-system", "cattle-fleet-system", "cattle-impersonation-system", "cattle-system"];

/** Those that Rancher makes where it runs itself. Elsewhere anybody who may make a namespace could take such a name. */
const RANCHER_NAMESPACES = [
  "cattle-capi-system",
  "cattle-fleet-local-system",
  "cattle-provisioning-capi-system",
  "cattle-turtles-system",
  "cattle-ui-plugin-system",
];

/** What pods may do where their namespace says nothing: `restricted`, as the CIS profile has it. */
export function renderPodSecurity(cluster: ClusterName): string {
  const namespaces = [...EXEMPT_NAMESPACES, ...(cluster === "middleware" ? RANCHER_NAMESPACES : [])];
  return toYaml({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AdmissionConfiguration",
    plugins: [
      {
        name: "PodSecurity",
        configuration: {
          apiVersion: "pod-security.admission.config.k8s.io/v1",
          kind: "PodSecurityConfiguration",
          defaults: {
            enforce: "restricted",
            "enforce-version": "latest",
            audit: "restricted",
            "audit-version": "latest",
            warn: "restricted",
            "warn-version": "latest",
          },
          exemptions: { usernames: [], runtimeClasses: [], namespaces },
        },
      },
    ],
  });
}
