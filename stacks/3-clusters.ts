import * as pulumi from "@pulumi/pulumi";
import type { ClusterName } from "../sizing/tiers";
import { ClusterAccess } from "../src/clusters/cluster-access";
import { Rancher } from "../src/clusters/rancher";
import { apiAddress } from "../src/clusters/rke2/config";
import { Rke2Cluster } from "../src/clusters/rke2-cluster";
import type { PlatformConfig } from "../src/config/schema";
import type { PlatformPlan } from "../src/plan/platform-plan";
import type { ServiceHost } from "../src/remote/managed-service";
import type { Machines } from "./1-machines";
import type { BaseServices } from "./2-base-services";

export interface ClustersArgs {
  readonly config: PlatformConfig;
  readonly plan: PlatformPlan;
  readonly machines: Machines;
  readonly base: BaseServices;
}

const CLUSTERS: readonly ClusterName[] = ["apps", "middleware", "dmz"];

/** Layer 3: three clusters side by side, each as soon as its own machines, its address and the backup store are there. */
export class Clusters extends pulumi.ComponentResource {
  public readonly clusters: ReadonlyMap<ClusterName, Rke2Cluster>;
  public readonly rancher: Rancher;

  constructor(name: string, args: ClustersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:layer:Clusters", name, {}, opts);
    const { config, plan, machines, base } = args;
    const hosts: ReadonlyMap<string, ServiceHost> = new Map([...machines.machines].map(([each, machine]) => [each, machine.host]));
    const [lan, dmz] = base.loadBalancers;
    if (lan === undefined || dmz === undefined) throw new RangeError("there are no load balancers for the clusters' addresses");
    this.clusters = new Map(
      CLUSTERS.map((cluster) => [
        cluster,
        new Rke2Cluster(
          `cluster-${cluster}`,
          {
            config,
            plan,
            cluster,
            hosts,
            authority: machines.authority,
            registryPassword: base.gitServices.registryAccounts["nodes"] ?? "",
            backupSecretKey: base.backups.secretKeys.etcd,
            after: cluster === "dmz" ? dmz.gates : [...lan.gates, base.backups.gate],
          },
          { parent: this },
        ),
      ]),
    );
    const access = new Map(
      [...this.clusters].map(([cluster, { kubeconfig, firstServer }]) => [
        cluster,
        new ClusterAccess(
          `${cluster}-access`,
          { kubeconfig, identifier: apiAddress(config, plan, cluster).name, host: firstServer },
          { parent: this },
        ),
      ]),
    );
    this.rancher = this.manage(args, access);
    for (const [cluster, { token }] of this.clusters) base.secretsManager.keep(`clusters/${cluster}`, { token });
    base.secretsManager.keep("rancher/administrator", { username: "admin", password: this.rancher.password });
    this.registerOutputs({});
  }

  /** Rancher where the middleware is, and the other two clusters under it. */
  private manage({ config, plan, machines, base }: ClustersArgs, access: ReadonlyMap<ClusterName, ClusterAccess>): Rancher {
    const [home, homeAccess] = [this.clusters.get("middleware"), access.get("middleware")];
    if (home === undefined || homeAccess === undefined) throw new RangeError("there is no cluster for Rancher");
    return new Rancher(
      "rancher",
      {
        config,
        plan,
        authority: machines.authority,
        access: homeAccess,
        host: home.firstServer,
        after: home.complete,
        imported: [...this.clusters]
          .filter(([cluster]) => cluster !== "middleware")
          .map(([name, cluster]) => ({ name, host: cluster.firstServer, after: cluster.complete })),
        registryPassword: base.gitServices.registryAccounts["nodes"] ?? "",
      },
      { parent: this },
    );
  }
}
