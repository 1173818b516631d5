/**
 * Every version that the platform deploys, in one table: what, which, and where a connected site gets it.
 * Read from the publishers' own pages between July and November 2026. Digests join when a layer installs its row.
 */
export interface Version {
  readonly version: string;
  readonly source: string;
  /** The chart's name there, for what the platform installs by Helm itself. */
  readonly chart?: string;
  /** A program that is put on machines as a file. */
  readonly artifact?: Artifact;
}

/** An archive with one program; `{version}` stands for the version without a leading v. */
export interface Artifact {
  readonly url: string;
  /** Of the archive of exactly this table's version. */
  readonly sha256?: string;
  /** Where it could not be learnt: the publisher's list beside the archive, which is as good as the connection to the publisher. */
  readonly checksums?: string;
  /** The program's path in the archive. */
  readonly member: string;
  /** Everything in the archive is wanted, not the program alone. */
  readonly whole?: boolean;
}

export const VERSIONS = {
  rke2: {
    version: "v1.36.5+rke2r1",
    source: "https://github.com/rancher/rke2/releases",
    artifact: {
      url: "https://github.com/rancher/rke2/releases/download/v{version}/rke2.linux-amd64.tar.gz",
      checksums: "sha256sum-amd64.txt",
      member: "bin/rke2",
      whole: true,
    },
  },
  rancher: { version: "2.15.1", source: "https://releases.rancher.com/server-charts/stable", chart: "rancher" },
  argocd: { version: "3.5.4", source: "https://argoproj.github.io/argo-helm" },
  certManager: { version: "v1.21.2", source: "oci://quay.io/jetstack/charts/cert-manager" },
  longhorn: { version: "1.12.1", source: "https://charts.longhorn.io" },
  vaultInjector: { version: "0.34.1", source: "https://helm.releases.hashicorp.com" },
  vault: {
    version: "2.1.1",
    source: "https://releases.hashicorp.com/vault",
    artifact: {
      url: "https://releases.hashicorp.com/vault/{version}/vault_{version}_linux_amd64.zip",
      sha256: "8aa90f9cea46f541fc7baa3d0ec692fc06afde9a248cc1f2dcac46a567c6f56b",
      member: "vault",
    },
  },
  openbao: {
    version: "2.6.2",
    source: "https://github.com/openbao/openbao/releases",
    artifact: {
      url: "https://github.com/openbao/openbao/releases/download/v{version}/openbao_{version}_linux_amd64.tar.gz",
      sha256: "8dc11cc5fca0b539a9e352727dacb4e2d304daffcf9a66e0718ac325a20d05aa",
      member: "bao",
    },
  },
  registry: {
    version: "3.1.1",
    source: "https://github.com/distribution/distribution/releases",
    artifact: {
      url: "https://github.com/distribution/distribution/releases/download/v{version}/registry_{version}_linux_amd64.tar.gz",
      sha256: "6f330a3ba9ea1d23a6ee189f449d792595240585bb2f159123d76ac594f70dd8",
      member: "registry",
    },
  },
  gogs: {
    version: "0.14.3",
    source: "https://dl.gogs.io",
    artifact: {
      url: "https://github.com/gogs/gogs/releases/download/v{version}/gogs_v{version}_linux_amd64.zip",
      sha256: "a9d1e1e37865e84c6d299735a4e84067ebc5cdf79ea111ff8008dc4eee007005",
      member: "gogs/gogs",
    },
  },
  backupStore: {
    version: "1.8.0",
    source: "https://github.com/versity/versitygw/releases",
    artifact: {
      url: "https://github.com/versity/versitygw/releases/download/v{version}/versitygw_v{version}_Linux_x86_64.tar.gz",
      sha256: "2ba2c734d10d2c4e651d03182cb4b246656bc735a2f282db7b0b73fba6073467",
      member: "versitygw_v{version}_Linux_x86_64/versitygw",
    },
  },
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

/** A program that machines receive as a file. */
export type ArtifactName = { [Name in VersionName]: (typeof VERSIONS)[Name] extends { artifact: Artifact } ? Name : never }[VersionName];

export const ARTIFACT_NAMES = VERSION_NAMES.filter((name): name is ArtifactName => "artifact" in VERSIONS[name]);
