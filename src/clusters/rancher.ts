import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as rancher2 from "@pulumi/rancher2";
import { credential } from "../base/credential";
import type { PlatformConfig } from "../config/schema";
import { serviceHost } from "../network/dns";
import type { Authority } from "../pki/authority";
import { Certificate } from "../pki/certificate";
import type { PlatformPlan } from "../plan/platform-plan";
import { ManagedService } from "../remote/managed-service";
import type { ServiceHost } from "../remote/managed-service";
import type { ClusterAccess } from "./cluster-access";
import {
  CHART_NAMESPACE,
  CHART_REGISTRY_SECRET,
  RANCHER_NAMESPACE,
  RANCHER_TLS_SECRET,
  rancherChart,
  rancherValues,
  registryLogin,
} from "./rancher/chart";
import { clustersActiveBundle, importBundle, rancherReadyBundle } from "./rancher/files";

/** A cluster that Rancher is to manage. */
export interface ManagedCluster {
  readonly name: string;
  /** Its first server. */
  readonly host: ServiceHost;
  /** What must have passed before an agent can run there. */
  readonly after: readonly pulumi.Resource[];
}

export interface RancherArgs {
  readonly config: PlatformConfig;
  readonly plan: PlatformPlan;
  readonly authority: Authority;
  /** Into the cluster where Rancher runs, and that cluster's first server. */
  readonly access: ClusterAccess;
  readonly host: ServiceHost;
  readonly after: readonly pulumi.Resource[];
  readonly imported: readonly ManagedCluster[];
  readonly registryPassword: pulumi.Input<string>;
}

/** Rancher on its cluster, with its administrator, and the other clusters given to it. */
export class Rancher extends pulumi.ComponentResource {
  /** Of account admin. */
  public readonly password: pulumi.Output<string>;
  public readonly url: string;

  constructor(name: string, args: RancherArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:clusters:Rancher", name, {}, opts);
    const { config, plan, authority, host } = args;
    this.url = `https://${serviceHost(config, "rancher")}`;
    this.password = credential("rancher-administrator", config, this).password;

    const chart = this.install(name, args);
    const ready = new ManagedService(
      `${name}-ready`,
      {
        host,
        bundle: authority.rootCertificate.apply((root) => rancherReadyBundle(config, plan, rancherValues(config, plan, root))),
        after: [...args.after, chart],
        timeout: "75m",
      },
      { parent: this },
    );
    const caCerts = authority.rootCertificate;
    const bootstrap = new rancher2.Bootstrap(
      name,
      { initialPassword: this.password, password: this.password, uiDefaultLanding: "vue" },
      {
        parent: this,
        provider: new rancher2.Provider(`${name}-bootstrap`, { apiUrl: this.url, bootstrap: true, caCerts }, { parent: this }),
        dependsOn: [ready.gate],
        deletedWith: host.resource,
      },
    );
    const provider = new rancher2.Provider(name, { apiUrl: this.url, tokenKey: bootstrap.token, caCerts }, { parent: this });
    const imports = args.imported.map((cluster) => this.import(config, plan, cluster, provider, host));
    new ManagedService(
      `${name}-clusters`,
      {
        host,
        bundle: pulumi.all(imports.map(({ id, name: each }) => ({ id, name: each }))).apply(clustersActiveBundle),
        after: imports.map(({ gate }) => gate),
        timeout: "45m",
      },
      { parent: this },
    );
    this.registerOutputs({});
  }

  /** What the chart expects to find, then the chart; RKE2's Helm controller takes it from there. */
  private install(name: string, args: RancherArgs): pulumi.Resource {
    const { config, plan, authority } = args;
    const options = { parent: this, ...args.access.inCluster };
    const certificate = new Certificate(
      `${name}-tls`,
      { authority, dnsNames: [serviceHost(config, "rancher")], rotation: config.rotations["certificate-rancher"] },
      { parent: this },
    );
    const namespace = new kubernetes.core.v1.Namespace(RANCHER_NAMESPACE, { metadata: { name: RANCHER_NAMESPACE } }, options);
    const secret = (
      secretName: string,
      type: string,
      stringData: Readonly<Record<string, pulumi.Input<string>>>,
      more: pulumi.CustomResourceOptions = {},
    ): kubernetes.core.v1.Secret =>
      new kubernetes.core.v1.Secret(
        secretName,
        {
          metadata: {
            name: secretName,
            namespace: secretName === CHART_REGISTRY_SECRET ? CHART_NAMESPACE : namespace.metadata.name,
          },
          type,
          stringData: pulumi.secret(stringData),
        },
        { ...options, ...more },
      );
    const wanted = [
      secret(RANCHER_TLS_SECRET, "kubernetes.io/tls", { "tls.crt": certificate.chain, "tls.key": certificate.key }),
      secret("tls-ca", "Opaque", { "cacerts.pem": authority.rootCertificate }),
      // Read once, at Rancher's first start. Helm makes it again at every upgrade, in its own way.
      secret("bootstrap-secret", "Opaque", { bootstrapPassword: this.password }, { ignoreChanges: ["metadata", "stringData", "data"] }),
      ...(config.artifacts.mode === "mirrored"
        ? [
            secret(CHART_REGISTRY_SECRET, "kubernetes.io/dockerconfigjson", {
              ".dockerconfigjson": pulumi.output(args.registryPassword).apply((password) => registryLogin(config, password)),
            }),
          ]
        : []),
    ];
    return new kubernetes.apiextensions.CustomResource(
      name,
      {
        apiVersion: "helm.cattle.io/v1",
        kind: "HelmChart",
        metadata: { name: "rancher", namespace: CHART_NAMESPACE },
        spec: authority.rootCertificate.apply((root) => rancherChart(config, plan, root)),
      },
      { ...options, dependsOn: [...args.after, ...wanted] },
    );
  }

  private import(
    config: PlatformConfig,
    plan: PlatformPlan,
    cluster: ManagedCluster,
    provider: rancher2.Provider,
    host: ServiceHost,
  ): { readonly id: pulumi.Output<string>; readonly name: string; readonly gate: pulumi.Resource } {
    const entry = new rancher2.Cluster(
      cluster.name,
      { name: cluster.name, description: "Made by the platform; its nodes are configured there, not here" },
      {
        parent: this,
        provider,
        deletedWith: host.resource,
        // Its addresses hold the token in clear.
        additionalSecretOutputs: ["clusterRegistrationToken"],
      },
    );
    const { gate } = new ManagedService(
      `${cluster.name}-import`,
      {
        host: cluster.host,
        bundle: pulumi
          .all([entry.id, entry.clusterRegistrationToken])
          .apply(([id, { manifestUrl }]) => importBundle(config, plan, { id, manifestUrl })),
        after: cluster.after,
        timeout: "30m",
      },
      { parent: this },
    );
    return { id: entry.id, name: cluster.name, gate };
  }
}
