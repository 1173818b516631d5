// Proves that every tier has exactly the machines, sizes and totals of the sizing study, and that users choose the right tier.
import { describe, expect, it } from "vitest";
import { planSizes } from "../../sizing/plan";
import { tierFor, TIERS } from "../../sizing/tiers";

describe("totals", () => {
  it.each([
    [100, { machines: 18, vcpu: 60, memoryGib: 112, osDiskGb: 1260, dataDiskGb: 1320 }],
    [500, { machines: 26, vcpu: 100, memoryGib: 196, osDiskGb: 1900, dataDiskGb: 1920 }],
    [1000, { machines: 33, vcpu: 176, memoryGib: 328, osDiskGb: 2460, dataDiskGb: 2370 }],
    [10000, { machines: 42, vcpu: 276, memoryGib: 536, osDiskGb: 3180, dataDiskGb: 4470 }],
  ] as const)("of %i users", (users, totals) => {
    expect(planSizes({ users }).totals).toEqual(totals);
  });
});

describe("machines of 100 users", () => {
  it("are these, in this order", () => {
    const lines = planSizes({ users: 100 }).machines.map(
      (each) => `${each.name} ${each.zone} ${each.vcpu}/${each.memoryGib}/${each.osDiskGb}/${each.dataDiskGb} ${each.roles.join("+")}`,
    );
    const node = (name: string, memory: number, zone: string): string[] =>
      [1, 2, 3].map((n) => `${name}${n} ${zone} 4/${memory}/80/100 control-plane+worker+storage`);
    const balancers = (name: string, zone: string): string[] => [1, 2].map((n) => `${name}${n} ${zone} 2/2/60/0 load-balancer`);
    expect(lines).toEqual([
      ...node("rkeapp-master", 8, "lan"),
      ...node("rkemiddleware-master", 8, "lan"),
      ...node("rkedmz", 4, "dmz"),
      ...balancers("lblan", "lan"),
      ...balancers("lbdmz", "dmz"),
      ...balancers("lbintegration", "lan"),
      "gitops1 infra 4/8/60/200 git+registry",
      "monitoring1 infra 4/16/60/200 observability+backup",
      "vault1 infra 4/16/60/20 vault",
    ]);
  });
});

describe("tierFor", () => {
  it.each([
    [1, 100],
    [100, 100],
    [101, 500],
    [500, 500],
    [501, 1000],
    [1001, 10000],
    [10000, 10000],
  ])("%i users take the tier of %i", (users, tier) => {
    expect(tierFor(users)).toBe(tier);
  });

  it.each([0, -1, 1.5, 10001, Number.NaN])("refuses %d", (users) => {
    expect(() => tierFor(users)).toThrow(`users must be a whole number from 1 to 10000, got ${users}`);
  });
});

describe("a prefix and an override", () => {
  it("change the name and the size of that machine only", () => {
    const plain = planSizes({ users: 500 }).machines;
    const { machines } = planSizes({ users: 500, prefix: "prod", overrides: { "prod-gitops1": { dataDiskGb: 400 } } });
    expect(machines.map((each) => each.name)).toEqual(plain.map((each) => `prod-${each.name}`));
    expect(machines.filter((each, index) => each.dataDiskGb !== plain[index]?.dataDiskGb)).toEqual([
      expect.objectContaining({ name: "prod-gitops1", dataDiskGb: 400, osDiskGb: 60, vcpu: 4 }),
    ]);
  });
});

it("lists tiers from small to big", () => {
  expect([...TIERS].sort((a, b) => a - b)).toEqual([...TIERS]);
});
