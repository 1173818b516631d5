// Proves what must hold for every number of users: more users never means less of anything, names stay, work fits.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { proveCapacity } from "../../sizing/capacity";
import { planSizes } from "../../sizing/plan";
import type { SizedMachine } from "../../sizing/plan";
import { TIERS } from "../../sizing/tiers";
import type { ClusterName } from "../../sizing/tiers";
import { WORKLOADS, workloadsFor } from "../../sizing/workloads";
import type { Product } from "../../sizing/workloads";

const users = fc.integer({ min: 1, max: 10000 });
const products = fc.constantFrom<readonly Product[]>(["eservices"], ["gco"], ["eservices", "gco"]);
/** A combined node that becomes control plane only gives its data disk up: the one shrink, and a refused edit. */
const SHRINKING = ["rkeapp-master", "rkemiddleware-master"];

it("more users never mean fewer machines, nor a smaller one", () => {
  fc.assert(
    fc.property(users, users, (a, b) => {
      const [few, many] = [planSizes({ users: Math.min(a, b) }), planSizes({ users: Math.max(a, b) })];
      const grown = new Map(many.machines.map((each) => [each.name, each]));
      for (const machine of few.machines) {
        const later = grown.get(machine.name) as SizedMachine;
        expect(later).toBeDefined();
        expect(later.vcpu).toBeGreaterThanOrEqual(machine.vcpu);
        expect(later.memoryGib).toBeGreaterThanOrEqual(machine.memoryGib);
        expect(later.osDiskGb).toBeGreaterThanOrEqual(machine.osDiskGb);
        if (!SHRINKING.includes(machine.group)) expect(later.dataDiskGb).toBeGreaterThanOrEqual(machine.dataDiskGb);
      }
      expect(many.totals.dataDiskGb).toBeGreaterThanOrEqual(few.totals.dataDiskGb);
    }),
  );
});

it("names are unique and etcd has an odd number of members", () => {
  fc.assert(
    fc.property(users, (count) => {
      const { machines } = planSizes({ users: count });
      expect(new Set(machines.map((each) => each.name)).size).toBe(machines.length);
      for (const cluster of ["apps", "middleware", "dmz"]) {
        expect(machines.filter((each) => each.cluster === cluster && each.roles.includes("control-plane"))).toHaveLength(3);
      }
    }),
  );
});

it("every number of users and choice of products fits, also with any one node down", () => {
  fc.assert(
    fc.property(users, products, (count, chosen) => {
      expect(proveCapacity(planSizes({ users: count }), chosen).findings).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

it("no component asks for less at a bigger tier", () => {
  for (const workload of WORKLOADS) {
    for (const values of [workload.copies, workload.cpuMillicores, workload.memoryMib]) {
      expect([...values], workload.component).toEqual([...values].sort((a, b) => a - b));
    }
  }
});

it("a product left out asks for nothing", () => {
  const clusters: readonly ClusterName[] = ["apps", "middleware", "dmz"];
  for (const tier of TIERS) {
    const named = (chosen: readonly Product[]): string[] =>
      clusters.flatMap((cluster) => workloadsFor(cluster, tier, chosen).map((each) => each.component));
    expect(named(["gco"]).filter((name) => /eservices|flowable/.test(name))).toEqual([]);
    expect(named(["eservices"]).filter((name) => name === "gco")).toEqual([]);
  }
});
