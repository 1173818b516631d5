import * as pulumi from "@pulumi/pulumi";
import type { PlatformConfig } from "../../config/schema";
import type { Authority } from "../../pki/authority";
import { Certificate } from "../../pki/certificate";
import type { PlatformPlan } from "../../plan/platform-plan";
import { ManagedService } from "../../remote/managed-service";
import type { ServiceHost } from "../../remote/managed-service";
import { loadBalancerBundle } from "./files";
import { pairRoutes } from "./routes";
import type { LoadBalancerGroup } from "./routes";

export interface LoadBalancerPairArgs {
  readonly config: PlatformConfig;
  readonly plan: PlatformPlan;
  readonly group: LoadBalancerGroup;
  readonly hosts: ReadonlyMap<string, ServiceHost>;
  readonly authority: Authority;
}

/** Two load balancers that share their virtual addresses. A change reaches one, and the other once the first serves with it. */
export class LoadBalancerPair extends pulumi.ComponentResource {
  /** What the last one's gate waits for: both serve. */
  public readonly gates: readonly pulumi.Resource[];

  constructor(name: string, args: LoadBalancerPairArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:base:LoadBalancerPair", name, {}, opts);
    const { config, plan, group, authority } = args;
    const { names } = pairRoutes(config, plan, group);
    const rotation = group === "lbintegration" ? undefined : config.rotations[`certificate-${group}`];
    const certificate =
      names.length === 0 ? undefined : new Certificate(`${name}-tls`, { authority, dnsNames: names, rotation }, { parent: this });

    const gates: pulumi.Resource[] = [];
    for (const machine of plan.machines.filter((each) => each.group === group)) {
      const host = args.hosts.get(machine.name);
      if (host === undefined) throw new RangeError(`the plan has no host for ${machine.name}`);
      const material =
        certificate === undefined ? pulumi.output(undefined) : pulumi.output({ chain: certificate.chain, key: certificate.key });
      const bundle = pulumi
        .all([authority.rootCertificate, material])
        .apply(([rootCertificate, served]) => loadBalancerBundle(config, plan, machine, { rootCertificate, certificate: served }));
      const service = new ManagedService(
        `${machine.name}-load-balancer`,
        // One after the other: while one reloads, the other holds or takes the addresses.
        { host, bundle, timeout: "15m", after: [...gates] },
        { parent: this },
      );
      gates.push(service.gate);
    }
    this.gates = gates;
    this.registerOutputs({});
  }
}
