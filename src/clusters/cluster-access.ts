import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceHost } from "../remote/managed-service";
import { ACCESS_NAMESPACE, AUDITED, AUDITOR } from "./auditor";

export interface ClusterAccessArgs {
  /** The administrator's, for the cluster's own address. */
  readonly kubeconfig: pulumi.Input<string>;
  /** Stays the same when the kubeconfig is renewed: what is in the cluster is then left where it is. */
  readonly identifier: string;
  /** The machine with which the cluster goes. */
  readonly host: ServiceHost;
}

/** How the program, and whoever only looks, get into a cluster. */
export class ClusterAccess extends pulumi.ComponentResource {
  public readonly provider: kubernetes.Provider;
  /** For whatever is made in the cluster: where the cluster goes, that is gone too. */
  public readonly inCluster: pulumi.CustomResourceOptions;

  constructor(name: string, args: ClusterAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:clusters:ClusterAccess", name, {}, opts);
    this.provider = new kubernetes.Provider(
      name,
      { kubeconfig: args.kubeconfig, clusterIdentifier: args.identifier, enableServerSideApply: true, enableSecretMutable: true },
      { parent: this },
    );
    this.inCluster = { provider: this.provider, deletedWith: args.host.resource };
    this.makeAuditor(name);
    this.registerOutputs({});
  }

  /** An account that reads all but secrets. It has no lasting token: `npx platform kubeconfig --auditor` asks for one that ends. */
  private makeAuditor(name: string): void {
    const options = { parent: this, ...this.inCluster };
    const namespace = new kubernetes.core.v1.Namespace(
      `${name}-${ACCESS_NAMESPACE}`,
      { metadata: { name: ACCESS_NAMESPACE, labels: { "pod-security.kubernetes.io/enforce": "restricted" } } },
      options,
    );
    const account = new kubernetes.core.v1.ServiceAccount(
      `${name}-${AUDITOR}`,
      { metadata: { name: AUDITOR, namespace: namespace.metadata.name }, automountServiceAccountToken: false },
      options,
    );
    const role = new kubernetes.rbac.v1.ClusterRole(
      `${name}-${AUDITOR}`,
      { metadata: { name: AUDITOR }, rules: AUDITED.map((each) => ({ ...each, verbs: ["get", "list", "watch"] })) },
      options,
    );
    for (const [suffix, roleName] of [
      ["view", "view"],
      ["cluster", role.metadata.name],
    ] as const) {
      new kubernetes.rbac.v1.ClusterRoleBinding(
        `${name}-${AUDITOR}-${suffix}`,
        {
          metadata: { name: `${AUDITOR}-${suffix}` },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: roleName },
          subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace: ACCESS_NAMESPACE }],
        },
        options,
      );
    }
  }
}
