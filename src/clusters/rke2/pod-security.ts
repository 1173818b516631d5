import { toYaml } from "../../shared/yaml";

/** Where servers read it. */
export const POD_SECURITY_PATH = "/etc/rancher/rke2/pod-security.yaml";

/**
 * Namespaces whose pods are the platform's own and cannot be `restricted`: the system's, and those that Rancher and its agents make
 * by themselves, without labels. Every other namespace that needs more says so on its own label.
 */
const EXEMPT_NAMESPACES = [
  "kube-system",
  "cattle-capi-system",
  "cattle-fleet-local-system",
  "cattle-fleet-system",
  "cattle-impersonation-system",
  "cattle-provisioning-capi-system",
  "cattle-system",
  "cattle-turtles-system",
  "cattle-ui-plugin-system",
];

/** What pods may do where their namespace says nothing: `restricted`, as the CIS profile has it. */
export function renderPodSecurity(): string {
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
          exemptions: { usernames: [], runtimeClasses: [], namespaces: EXEMPT_NAMESPACES },
        },
      },
    ],
  });
}
