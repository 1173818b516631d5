import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterName } from "../../sizing/tiers";
import { lastingSecret } from "../base/credential";
import { USUAL_NETWORKS } from "../config/schema";
import type { PlatformConfig } from "../config/schema";
import type { Authority } from "../pki/authority";
import { Certificate } from "../pki/certificate";
import type { PlannedMachine, PlatformPlan } from "../plan/platform-plan";
import { RECEIVER_PATH, renderBundle } from "../remote/bundle";
import { ManagedService } from "../remote/managed-service";
import type { ServiceHost } from "../remote/managed-service";
import { ingressNames } from "../base/load-balancers/ingress-names";
import { clusterNodes } from "./rke2/config";
import { toYaml } from "../shared/yaml";
import { nodeBundle, removalBundle } from "./rke2/files";

export interface Rke2ClusterArgs {
  readonly config: PlatformConfig;
  readonly plan: PlatformPlan;
  readonly cluster: ClusterName;
  readonly hosts: ReadonlyMap<string, ServiceHost>;
  readonly authority: Authority;
  readonly registryPassword: pulumi.Input<string>;
  readonly backupSecretKey: pulumi.Input<string>;
  /** The load balancers that hold the cluster's own address, and the backup store: a server asks both at its first start. */
  readonly after: readonly pulumi.Resource[];
}

/** For runs that are limited to other resources: the kubernetes plugin takes no kubeconfig for the one in the operator's home. */
const NOWHERE = toYaml({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "none", cluster: { server: "https://127.0.0.1:1" } }],
  contexts: [{ name: "none", context: { cluster: "none", user: "none" } }],
  "current-context": "none",
  users: [{ name: "none", user: {} }],
});

/** Networks that are not the usual ones. */
function ownNetworks(networks: PlatformConfig["clusters"]): Readonly<Record<string, string>> | undefined {
  const { podNetwork, serviceNetwork } = networks;
  return podNetwork === USUAL_NETWORKS.podNetwork && serviceNetwork === USUAL_NETWORKS.serviceNetwork
    ? undefined
    : { podNetwork, serviceNetwork };
}

/**
 * A Kubernetes cluster on its planned machines: the first server makes it, each other one joins when the one before votes in etcd, then
 * all agents at once. The same order, one server at a time, holds for every later change.
 */
export class Rke2Cluster extends pulumi.ComponentResource {
  /** What nodes register with, in its full form. Secret. */
  public readonly token: pulumi.Output<string>;
  /** The administrator's kubeconfig, for the cluster's own address. Secret. */
  public readonly kubeconfig: pulumi.Output<string>;
  /** The machine that made the cluster. */
  public readonly firstServer: ServiceHost;
  /** All servers vote. */
  public readonly gates: readonly pulumi.Resource[];
  /** All nodes, agents included, are ready. */
  public readonly complete: readonly pulumi.Resource[];

  constructor(name: string, args: Rke2ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:clusters:Rke2Cluster", name, {}, opts);
    const { config, plan, cluster } = args;
    const certificate = new Certificate(
      `${name}-ingress-tls`,
      {
        authority: args.authority,
        dnsNames: ingressNames(config, cluster),
        rotation: config.rotations[`certificate-ingress-${cluster}`],
      },
      { parent: this },
    );
    // Networks are a cluster's from its birth: with other ones, its nodes would not come back from their next restart.
    const secret = lastingSecret(`${name}-token`, this, ownNetworks(config.clusters));
    const { servers, agents } = clusterNodes(plan, cluster);
    const hostOf = (machine: PlannedMachine): ServiceHost => {
      const host = args.hosts.get(machine.name);
      if (host === undefined) throw new RangeError(`the plan has no host for ${machine.name}`);
      return host;
    };

    const join = (machine: PlannedMachine, token: pulumi.Input<string>, after: readonly pulumi.Resource[]): ManagedService => {
      const peer = servers.find((each) => each.name !== machine.name);
      const removal = peer === undefined ? [] : [this.removal(machine, hostOf(machine), hostOf(peer))];
      const bundle = pulumi
        .all([token, args.registryPassword, args.backupSecretKey, certificate.chain, certificate.key])
        .apply(([plainToken, registryPassword, backupSecretKey, chain, key]) =>
          nodeBundle(config, plan, machine, { token: plainToken, registryPassword, backupSecretKey, certificate: { chain, key } }),
        );
      return new ManagedService(
        `${machine.name}-rke2`,
        { host: hostOf(machine), bundle, after: [...after, ...removal], timeout: "90m" },
        { parent: this },
      );
    };

    const [first, ...others] = servers;
    if (first === undefined) throw new RangeError(`the plan has no server for cluster ${cluster}`);
    const maker = join(first, secret, args.after);
    this.token = pulumi.secret(maker.report.apply(({ token = "" }) => token));
    this.kubeconfig = pulumi.secret(
      maker.report.apply(({ kubeconfig = "" }) => (kubeconfig === "" ? NOWHERE : Buffer.from(kubeconfig, "base64").toString())),
    );
    const joined = [maker.gate];
    for (const machine of others) joined.push(join(machine, this.token, [...joined]).gate);
    this.firstServer = hostOf(first);
    this.gates = joined;
    this.complete = [...joined, ...agents.map((machine) => join(machine, this.token, joined).gate)];
    this.registerOutputs({});
  }

  /** Nothing as long as the node is planned and its machine the same; before either goes, a server of the cluster lets the node go. */
  private removal(machine: PlannedMachine, host: ServiceHost, peer: ServiceHost): pulumi.Resource {
    return new command.remote.Command(
      `${machine.name}-membership`,
      {
        connection: peer.connection,
        create: "true",
        delete: `sudo -n ${RECEIVER_PATH}`,
        stdin: renderBundle(removalBundle(machine)),
        addPreviousOutputInEnv: false,
        logging: "none",
        triggers: [host.identity],
      },
      {
        parent: this,
        dependsOn: [peer.verification],
        // A new machine of this name is another node: the old one must be forgotten before it joins.
        deleteBeforeReplace: true,
        // Where the server goes too, so does the whole cluster.
        deletedWith: peer.resource,
        customTimeouts: { delete: "60m" },
      },
    );
  }
}
