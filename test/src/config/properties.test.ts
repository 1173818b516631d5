// Proves over generated configurations: a valid one always plans, a single corruption is refused at its path, and nothing but a
// ConfigError ever comes out.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parsePlatform, requirePlatform } from "../../../src/config/parse";
import { ConfigError } from "../../../src/config/problems";
import { planPlatform } from "../../../src/plan/platform-plan";
import { validConfig } from "./generated";
import { rawStack, withValue } from "./valid";

const base = rawStack("prod");

it("any valid configuration plans, the same way twice, with unique names and addresses", () => {
  fc.assert(
    fc.property(validConfig, (raw) => {
      const config = requirePlatform("generated", raw);
      const plan = planPlatform(config);
      expect(JSON.stringify(planPlatform(config))).toBe(JSON.stringify(plan));
      const addresses = [...plan.machines.map((each) => each.ip), ...plan.virtualAddresses.map((each) => each.ip)];
      expect(new Set(addresses).size).toBe(addresses.length);
      expect(new Set(plan.machines.map((each) => each.name)).size).toBe(plan.machines.length);
      expect(new Set(plan.dns.map((each) => each.name)).size).toBe(plan.dns.length);
    }),
    { numRuns: 60 },
  );
});

it("a bigger number of users moves no address and renames no machine", () => {
  fc.assert(
    fc.property(validConfig, fc.integer({ min: 1, max: 10000 }), (raw, users) => {
      const few = planPlatform(requirePlatform("a", { ...raw, users: Math.min(users, raw.users) }));
      const many = planPlatform(requirePlatform("b", { ...raw, users: Math.max(users, raw.users) }));
      const later = new Map(many.machines.map((each) => [each.name, each.ip]));
      for (const machine of few.machines) expect(later.get(machine.name)).toBe(machine.ip);
      expect(many.virtualAddresses).toEqual(few.virtualAddresses);
    }),
    { numRuns: 40 },
  );
});

const corruptions: readonly (readonly (string | number)[])[] = [
  ["users"],
  ["domain"],
  ["products"],
  ["hypervisor", "server"],
  ["zones", "lan", "cidr"],
  ["zones", "infra", "gateway"],
  ["zones", "dmz", "pool", "from"],
  ["zones", "lan", "dns"],
  ["access", "deployerNetworks"],
  ["access", "administrators", "alice", "keys", 0],
  ["artifacts", "mode"],
];

it("any single corruption is refused with its path", () => {
  const wrong = fc.constantFrom<unknown>(undefined, null, 0, -1, "", "\u0000", [], {}, [null], "999.1.1.1", true);
  fc.assert(
    fc.property(validConfig, fc.constantFrom(...corruptions), wrong, (raw, path, value) => {
      const { config, problems } = parsePlatform(withValue(raw, path, value));
      expect(config).toBeUndefined();
      const at = `platform:${path
        .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
        .join("")
        .slice(1)}`;
      expect(problems.map((problem) => problem.path).some((found) => found.startsWith(at) || at.startsWith(found))).toBe(true);
    }),
    { numRuns: 150 },
  );
});

it("nothing but a ConfigError comes out, whatever goes in", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...Object.keys(base), "other"), fc.jsonValue()), (raw) => {
      try {
        requirePlatform("anything", { ...base, ...raw });
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
    { numRuns: 300 },
  );
});
