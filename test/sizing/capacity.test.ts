// Proves that the capacity proof finds what does not fit, with the figures an operator needs.
import { expect, it } from "vitest";
import { proveCapacity } from "../../sizing/capacity";
import { explain } from "../../sizing/explain";
import { planSizes } from "../../sizing/plan";

const small = (memoryGib: number): Record<string, { memoryGib: number }> =>
  Object.fromEntries([1, 2, 3].map((n) => [`rkeapp-master${n}`, { memoryGib }]));

it("names the components that no node holds, what was asked and what there is", () => {
  const plan = planSizes({ users: 100, overrides: small(5) });
  expect(proveCapacity(plan, ["eservices", "gco"]).findings).toEqual([
    {
      severity: "error",
      where: "apps",
      message:
        "no node holds argocd-controller, eservices-internal-front-office, eservices-back-office and 13 more " +
        "(asked 3.2 vCPU, 9.2 GiB, 3 nodes have 5.6 vCPU, 6.3 GiB free); raise its nodes in overrides",
    },
  ]);
});

it("warns when high-priority work has no place with one node down", () => {
  const overrides = {
    "rkeapp-master1": { memoryGib: 20, vcpu: 8 },
    "rkeapp-master2": { memoryGib: 4 },
    "rkeapp-master3": { memoryGib: 4 },
  };
  const { findings } = proveCapacity(planSizes({ users: 100, overrides }), ["eservices", "gco"]);
  expect(findings).toEqual([
    {
      severity: "warning",
      where: "apps",
      message:
        "with rkeapp-master1 down no node holds eservices-services, eservices-front-office, cert-manager and 3 more " +
        "(asked 3.2 vCPU, 9.2 GiB, 3 nodes have 9.6 vCPU, 19.3 GiB free); raise the others in overrides",
    },
  ]);
});

it("refuses a node too small for its own daemons and a machine too small for its services", () => {
  const overrides = { rkedmz1: { memoryGib: 2 }, vault1: { memoryGib: 1 } };
  const { findings } = proveCapacity(planSizes({ users: 100, overrides }), ["gco"]);
  expect(findings.filter((each) => each.where === "rkedmz1" || each.where === "vault1")).toEqual([
    {
      severity: "error",
      where: "rkedmz1",
      message: "the system and the cluster's own daemons ask 1.6 vCPU, 2.4 GiB, the machine has 4 vCPU, 2 GiB",
    },
    { severity: "error", where: "vault1", message: "Vault and the system ask 0.8 vCPU, 1.5 GiB, the machine has 4 vCPU, 1 GiB" },
  ]);
});

it("explains a size in words", () => {
  const plan = planSizes({ users: 700 });
  expect(explain(plan, proveCapacity(plan, ["gco"]))).toEqual([
    "700 concurrent users take the tier of 1000, the smallest that holds them (the tier of 500 ends 200 users earlier).",
    "It needs 33 virtual machines: 25 in the internal zone (LAN), 3 in the infrastructure zone, 5 in the exposed zone (DMZ).",
    "Together they take 176 virtual CPUs, 328 GiB of memory, 2460 GB of system disks and 2370 GB of data disks on the hypervisor.",
    "Kubernetes' control plane has machines of its own in the clusters for applications and middleware, so load on the products never slows it.",
    "Cluster apps: the components ask for 6.9 vCPU, 21.5 GiB of 44.6 vCPU, 94.3 GiB that its nodes can give.",
    "Cluster middleware: the components ask for 9.6 vCPU, 29.5 GiB of 37.3 vCPU, 79.3 GiB that its nodes can give.",
    "Cluster dmz: the components ask for 2.9 vCPU, 7.9 GiB of 13.4 vCPU, 16.8 GiB that its nodes can give.",
  ]);
});
