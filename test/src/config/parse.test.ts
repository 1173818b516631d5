// Proves that every kind of mistake in a stack file is reported with its path, the value, the limit and the way out, all at once.
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { parsePlatform, requirePlatform } from "../../../src/config/parse";
import { ConfigError } from "../../../src/config/problems";
import { rawStack, withValue } from "./valid";

const prod = rawStack("prod");

function said(raw: Record<string, unknown>): readonly string[] {
  return parsePlatform(raw).problems.map((each) => `${each.path}: ${each.message}. ${each.remedy}.`);
}

describe("a single mistake", () => {
  const cases: readonly [readonly (string | number)[], unknown, string][] = [
    [["users"], "5k", 'platform:users: got "5k", expected concurrent users, a whole number from 1 to 10000. Write for example 1000.'],
    [["users"], 20000, "platform:users: got 20000, expected concurrent users, a whole number from 1 to 10000. Write for example 1000."],
    [
      ["users"],
      undefined,
      "platform:users: is missing; expected concurrent users, a whole number from 1 to 10000. Write for example 1000.",
    ],
    [
      ["prefix"],
      "Prod-",
      'platform:prefix: got "Prod-", expected the environment\'s prefix in every name, up to 20 lower-case letters, digits and inner hyphens, given without its final hyphen. Write for example prod.',
    ],
    [["prodcts"], ["gco"], 'platform:prodcts: unknown key "prodcts"; did you mean "products". Write "products", or remove it.'],
    [["products", 1], "gcp", 'platform:products[1]: got "gcp", expected a product, eservices or gco. Write for example eservices.'],
    [
      ["hypervisor", "cluser"],
      "CL1",
      'platform:hypervisor.cluser: unknown key "cluser"; did you mean "cluster". Write "cluster", or remove it.',
    ],
    [["hypervisor", "kind"], "hyperv", 'platform:hypervisor.kind: got "hyperv"; expected one of vsphere. Write for example vsphere.'],
    [
      ["zones", "lan", "gateway"],
      "192.0.3.1",
      "platform:zones.lan.gateway: 192.0.3.1 lies outside the usable addresses of 192.0.2.0/24, 192.0.2.1 to 192.0.2.254. Write an address of that range, or correct the zone's cidr.",
    ],
    [
      ["zones", "lan", "gateway"],
      "192.0.2.30",
      "platform:zones.lan.gateway: 192.0.2.30 lies inside the zone's pool 192.0.2.20 to 192.0.2.200. Start the pool after it, or end it before.",
    ],
    [
      ["zones", "dmz", "dns", 0],
      "203.0.113.21",
      "platform:zones.dmz.dns[0]: 203.0.113.21 lies inside the zone's pool 203.0.113.20 to 203.0.113.60. Start the pool after it, or end it before.",
    ],
    [
      ["zones", "lan", "pool", "to"],
      "192.0.2.60",
      "platform:zones.lan.pool: 192.0.2.20 to 192.0.2.60 are 41 addresses; 1000 users need 68 here (each group has a fixed block). End the pool at 192.0.2.87 or later.",
    ],
    [
      ["zones", "infra", "cidr"],
      "192.0.2.0/25",
      "platform:zones.infra.cidr: 192.0.2.0/25 overlaps 192.0.2.0/24 of zone lan. Give each zone a network of its own.",
    ],
    [
      ["access", "administratorNetworks", 0],
      "0.0.0.0/0",
      "platform:access.administratorNetworks[0]: 0.0.0.0/0 opens SSH on every machine to the whole world. Write the networks these people really come from.",
    ],
    [
      ["access", "administrators", "root"],
      { keys: [] },
      'platform:access.administrators.root: the name "root" is not an account name of up to 32 lower-case letters, digits, _ and -, none that a system account or group has (root, deploy, backup, ...). Write for example alice.',
    ],
    [
      ["overrides", "prod-gitop1"],
      { vcpu: 8 },
      "platform:overrides.prod-gitop1: there is no machine of this name at 1000 users. Write prod-gitops1, or remove it.",
    ],
    [
      ["overrides", "prod-gitops1"],
      { dataDiskGb: 100 },
      "platform:overrides.prod-gitops1.dataDiskGb: 100 GB is less than the 200 GB its tier needs, and a disk never shrinks. Write 200 or more.",
    ],
    [
      ["overrides", "prod-lblan1"],
      { dataDiskGb: 100 },
      "platform:overrides.prod-lblan1.dataDiskGb: prod-lblan1 has no data disk at 1000 users. Remove it.",
    ],
    [
      ["overrides", "prod-vault1"],
      { memoryGib: 2 },
      "platform:overrides.prod-vault1.memoryGib: is less than the workload needs: prod-vault1: Vault and the system ask 1.3 vCPU, 2.5 GiB, the machine has 4 vCPU, 2 GiB. Write memoryGib: 16 or more.",
    ],
    [
      ["externalServices", "mail", "listenPort"],
      29248,
      "platform:externalServices.mail.listenPort: port 29248 of LBINTEGRATION is already that of business-db. Give this service a listenPort of its own, best from 30000 to 39999.",
    ],
    [["versions"], { rke3: "v1" }, 'platform:versions.rke3: unknown key "rke3"; did you mean "rke2". Write "rke2", or remove it.'],
    [
      ["tls"],
      { source: "provided", issuingCertificate: "x" },
      'platform:tls.issuingCertificate: got "x", expected the issuing authority\'s own certificate, one or more certificates in PEM. Write for example -----BEGIN CERTIFICATE-----....',
    ],
  ];

  it.each(cases)("%j = %j", (path, value, expected) => {
    expect(said(withValue(prod, path, value))).toContain(expected);
  });
});

describe("ten different mistakes", () => {
  let raw = prod;
  const edits: readonly [readonly (string | number)[], unknown][] = [
    [["users"], "many"],
    [["prefix"], "prod-"],
    [["domain"], "example"],
    [["products"], ["portal"]],
    [["hypervisor", "datstore"], "DS9"],
    [["zones", "lan", "gateway"], "192.0.2.300"],
    [["zones", "dmz", "pool", "from"], "203.0.114.20"],
    [["access", "administratorNetworks"], ["0.0.0.0/0"]],
    [["externalServices", "mail", "port"], 70000],
    [["artifacts", "mode"], "offline"],
  ];
  for (const [path, value] of edits) raw = withValue(raw, path, value);

  it("are ten problems, one line each, each at its path", () => {
    const error = new ConfigError("Pulumi.prod.yaml", parsePlatform(raw).problems);
    const [head, ...lines] = error.message.split("\n");
    expect(head).toBe("Pulumi.prod.yaml has 10 problems:");
    expect(lines.map((line) => line.trim().split(": ")[0]).sort()).toEqual(
      [
        "platform:access.administratorNetworks[0]",
        "platform:artifacts.mode",
        "platform:domain",
        "platform:externalServices.mail.port",
        "platform:hypervisor.datstore",
        "platform:prefix",
        "platform:products[0]",
        "platform:users",
        "platform:zones.dmz.pool.from",
        "platform:zones.lan.gateway",
      ].sort(),
    );
  });

  it("are shown by Node's inspect as the message alone", () => {
    const error = new ConfigError("Pulumi.prod.yaml", parsePlatform(raw).problems);
    expect(inspect(error)).toBe(error.message);
  });
});

describe("what pulumi config set stores", () => {
  it("users as text is a number", () => {
    expect(requirePlatform("x", { ...prod, users: "500" }).users).toBe(500);
  });

  it("objects as JSON text, as the engine hands them over, are objects", () => {
    const asText = Object.fromEntries(
      Object.entries(prod).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    );
    expect(requirePlatform("x", asText)).toEqual(requirePlatform("x", prod));
  });
});

it("names too long for DNS are refused", () => {
  expect(said({ ...prod, domain: `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}` })).toEqual([
    "platform:domain: makes names of 271 characters, 253 are allowed. Write a shorter domain.",
  ]);
});
