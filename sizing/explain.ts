import type { CapacityProof } from "./capacity";
import type { SizingPlan } from "./plan";
import { TIERS } from "./tiers";
import type { Zone } from "./tiers";
import { describe } from "./units";

const ZONE_WORDS: Readonly<Record<Zone, string>> = { lan: "internal zone (LAN)", infra: "infrastructure zone", dmz: "exposed zone (DMZ)" };

/** Why the platform is as big as it is, in sentences for a customer's architect. */
export function explain(plan: SizingPlan, proof: CapacityProof): readonly string[] {
  const { totals } = plan;
  const below = TIERS.filter((tier) => tier < plan.tier).pop();
  const why =
    plan.users === plan.tier
      ? `${plan.users} concurrent users are exactly the tier of ${plan.tier}.`
      : `${plan.users} concurrent users take the tier of ${plan.tier}, the smallest that holds them${
          below === undefined ? "" : ` (the tier of ${below} ends ${plan.users - below} users earlier)`
        }.`;
  const zones = (Object.keys(ZONE_WORDS) as Zone[]).map((zone) => {
    const count = plan.machines.filter((machine) => machine.zone === zone).length;
    return `${count} in the ${ZONE_WORDS[zone]}`;
  });
  const separate = plan.machines.some((machine) => machine.cluster !== undefined && machine.roles.length === 1);
  return [
    why,
    `It needs ${totals.machines} virtual machines: ${zones.join(", ")}.`,
    `Together they take ${totals.vcpu} virtual CPUs, ${totals.memoryGib} GiB of memory, ` +
      `${totals.osDiskGb} GB of system disks and ${totals.dataDiskGb} GB of data disks on the hypervisor.`,
    separate
      ? "Kubernetes' control plane has machines of its own in the clusters for applications and middleware, so load on the products never slows it."
      : "At this size each node of a cluster is control plane, worker and storage at once; any one of the three may fail.",
    ...proof.clusters.map(
      ({ cluster, requested, allocatable }) =>
        `Cluster ${cluster}: the components ask for ${describe(requested)} of ${describe(allocatable)} that its nodes can give.`,
    ),
    ...proof.findings.map(
      (finding) => `${finding.severity === "error" ? "Does not fit" : "Warning"}: ${finding.where}: ${finding.message}.`,
    ),
  ];
}
