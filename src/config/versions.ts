/**
 * Every version that the platform deploys, in one table: what, which, and where a connected site gets it.
 * Read from the publishers' own pages between July and November 2026. Digests join when a layer installs its row.
 */
export interface Version {
  readonly version: string;
  readonly source: string;
}

export const VERSIONS = {
  rke2: { version: "v1.36.5+rke2r1", source: "https://github.com/rancher/rke2/releases" },
  rancher: { version: "2.15.1", source: "https://releases.rancher.com/server-charts/stable" },
  argocd: { version: "3.5.4", source: "https://argoproj.github.io/argo-helm" },
  certManager: { version: "v1.21.2", source: "oci://quay.io/jetstack/charts/cert-manager" },
  longhorn: { version: "1.12.1", source: "https://charts.longhorn.io" },
  vaultInjector: { version: "0.34.1", source: "https://helm.releases.hashicorp.com" },
  vault: { version: "2.1.1", source: "https://releases.hashicorp.com/vault" },
  openbao: { version: "2.6.2", source: "https://github.com/openbao/openbao/releases" },
  registry: { version: "3.1.1", source: "https://github.com/distribution/distribution/releases" },
  gogs: { version: "0.14.3", source: "https://dl.gogs.io" },
  objectStore: { version: "RELEASE.2026-09-16T00-00-00Z", source: "docker.io/pgsty/silo" },
  cloudNativePg: { version: "1.30.0", source: "https://cloudnative-pg.github.io/charts" },
  keycloak: { version: "26.8.0", source: "https://github.com/keycloak/keycloak-k8s-resources" },
  strimzi: { version: "1.2.0", source: "oci://quay.io/strimzi-helm/strimzi-kafka-operator" },
  n8n: { version: "1.11.0", source: "oci://ghcr.io/n8n-io/n8n-helm-chart/n8n" },
  flowable: { version: "8.0.0", source: "docker.io/flowable/flowable-rest" },
  gravitee: { version: "4.12.20", source: "https://helm.gravitee.io" },
  neuvector: { version: "2.11.0", source: "https://neuvector.github.io/neuvector-helm" },
  coroot: { version: "1.27.0", source: "ghcr.io/coroot/coroot" },
} as const satisfies Readonly<Record<string, Version>>;

/** A thing whose version the stack file may override. */
export type VersionName = keyof typeof VERSIONS;

export const VERSION_NAMES = Object.keys(VERSIONS) as VersionName[];
