// Proves that addresses are fixed blocks: exact values for both stack files, no overlap, room for every tier.
import { describe, expect, it } from "vitest";
import { GROUP_NAMES, GROUPS, TIER_SIZES, TIERS } from "../../../sizing/tiers";
import { requirePlatform } from "../../../src/config/parse";
import { ADDRESS_BLOCKS, machineAddress, VIRTUAL_ADDRESS_BLOCK } from "../../../src/network/addresses";
import { contains, isIpv4, offsetBy, parseCidr } from "../../../src/network/ipv4";
import { planPlatform } from "../../../src/plan/platform-plan";
import { rawStack } from "../config/valid";

it("the sandbox's machines stand where they have always stood", () => {
  const plan = planPlatform(requirePlatform("sandbox", rawStack("sandbox")));
  expect(Object.fromEntries([...plan.virtualAddresses, ...plan.machines].map((each) => [each.name, each.ip]))).toEqual({
    lblan: "198.18.0.20",
    "api-apps": "198.18.0.21",
    "api-middleware": "198.18.0.22",
    lbintegration: "198.18.0.23",
    lblan1: "198.18.0.28",
    lblan2: "198.18.0.29",
    lbintegration1: "198.18.0.32",
    lbintegration2: "198.18.0.33",
    "rkeapp-master1": "198.18.0.36",
    "rkeapp-master2": "198.18.0.37",
    "rkeapp-master3": "198.18.0.38",
    "rkemiddleware-master1": "198.18.0.44",
    "rkemiddleware-master2": "198.18.0.45",
    "rkemiddleware-master3": "198.18.0.46",
    gitops1: "198.18.1.24",
    monitoring1: "198.18.1.28",
    vault1: "198.18.1.32",
    lbdmz: "198.18.2.20",
    "api-dmz": "198.18.2.21",
    lbdmz1: "198.18.2.24",
    lbdmz2: "198.18.2.25",
    rkedmz1: "198.18.2.28",
    rkedmz2: "198.18.2.29",
    rkedmz3: "198.18.2.30",
  });
});

describe("blocks", () => {
  it("of one zone never overlap, nor the virtual addresses", () => {
    for (const zone of ["lan", "infra", "dmz"] as const) {
      const own = GROUP_NAMES.filter((group) => GROUPS[group].zone === zone).map((group) => ADDRESS_BLOCKS[group]);
      const taken = [{ offset: 0, size: VIRTUAL_ADDRESS_BLOCK[zone] }, ...own].sort((a, b) => a.offset - b.offset);
      for (const [index, block] of taken.entries()) {
        const next = taken[index + 1];
        if (next !== undefined) expect(block.offset + block.size).toBeLessThanOrEqual(next.offset);
      }
    }
  });

  it("hold every tier's machines with room to grow", () => {
    for (const tier of TIERS)
      for (const group of GROUP_NAMES) expect(TIER_SIZES[tier][group].count).toBeLessThan(ADDRESS_BLOCKS[group].size);
  });

  it("refuse an ordinal they have no address for", () => {
    expect(() => machineAddress({ from: "192.0.2.20", to: "192.0.2.200" }, "vault", 5)).toThrow(
      "vault5 has no address: the group's block holds 4",
    );
  });
});

describe("IPv4", () => {
  it.each(["192.0.2.1", "0.0.0.0", "255.255.255.255"])("%s is an address", (text) => {
    expect(isIpv4(text)).toBe(true);
  });
  it.each(["192.0.2.256", "192.0.2", "192.0.2.01", "a.b.c.d", "192.0.2.1 ", ""])("%j is none", (text) => {
    expect(isIpv4(text)).toBe(false);
  });
  it.each(["192.0.2.1/24", "192.0.2.0/33", "192.0.2.0", "192.0.2.0/24/1", "/24"])("%j is no canonical network", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
  it("counts on across octets", () => {
    expect(offsetBy("192.0.2.250", 10)).toBe("192.0.3.4");
    expect(parseCidr("198.51.100.128/25")).toEqual({
      network: "198.51.100.128",
      broadcast: "198.51.100.255",
    });
    expect(contains({ network: "198.51.100.128", broadcast: "198.51.100.255" }, "198.51.100.127")).toBe(false);
  });
});
