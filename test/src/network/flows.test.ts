// Proves that the flow model opens what the matrix names and nothing else, that firewalls say the same, and that DNS is whole.
import { describe, expect, it } from "vitest";
import { requirePlatform } from "../../../src/config/parse";
import { renderZoneFile } from "../../../src/network/dns";
import { portByName } from "../../../src/network/external";
import type { ResolvedFlow } from "../../../src/network/flows";
import { renderFirewall } from "../../../src/machines/preparation/files";
import { planPlatform } from "../../../src/plan/platform-plan";
import { rawStack } from "../config/valid";

const config = requirePlatform("prod", rawStack("prod"));
const plan = planPlatform(config);
const zoneOf = new Map([...plan.machines, ...plan.virtualAddresses].map((each) => [each.ip, each.zone]));

function crossing(from: string, to: string): readonly ResolvedFlow[] {
  return plan.flows.filter(
    (flow) => flow.sources.some((ip) => zoneOf.get(ip) === from) && flow.destinations.some((ip) => zoneOf.get(ip) === to),
  );
}

describe("from the DMZ", () => {
  it("only the registry is open in INFRA", () => {
    const open = crossing("dmz", "infra").filter((flow) => flow.from !== "net:internet");
    expect(open.map((flow) => `${flow.from} ${flow.to} ${flow.ports.join()}`)).toContain("machines group:gitops 8443");
    expect(open.filter((flow) => flow.to !== "group:gitops" && flow.from !== "machines")).toEqual([]);
  });

  it("only LBLAN's virtual address is open in the LAN, no node of a cluster", () => {
    const open = crossing("dmz", "lan").filter((flow) => !flow.from.startsWith("net:"));
    expect([...new Set(open.map((flow) => `${flow.from} -> ${flow.to}`))]).toEqual([
      "group:lbdmz -> vip:lblan",
      "cluster:dmz -> vip:lblan",
    ]);
  });
});

it("every row of the network team's matrix is there", () => {
  const rows = plan.flows.map((flow) => `${flow.from} -> ${flow.to} ${flow.protocol} ${flow.ports.join(",")}`.trim());
  for (const row of [
    "net:internet -> vip:lbdmz tcp 443,80,32100,31400,31401,31402",
    "net:users -> vip:lblan tcp 443,80",
    "net:administrators -> machines tcp 22",
    "net:deployer -> machines tcp 22",
    "net:deployer -> group:vault tcp 8200",
    "net:deployer -> vip:api-middleware tcp 6443",
    "net:deployer -> net:hypervisor tcp 443",
    "group:lbdmz -> vip:lblan tcp 443,8080,32100,31400,31401,31402",
    "group:lbdmz -> cluster:dmz tcp 443,6443,9345",
    "cluster:dmz -> vip:lblan tcp 443,8080",
    "group:lblan -> cluster:middleware tcp 32100,31400,31401,31402",
    "group:lblan -> cluster:apps/control-plane tcp 6443,9345",
    "group:lblan -> group:monitoring tcp 8080,9001",
    "cluster:apps -> group:monitoring tcp 9000",
    "group:vault -> vip:api-dmz tcp 6443",
    "machines -> group:gitops tcp 8443",
    "cluster:apps/control-plane -> cluster:apps/control-plane tcp 2379,2380",
    "cluster:middleware -> cluster:middleware/storage tcp 3260,8500,8504,9500,9503,10000,30000",
    "cluster:dmz -> cluster:dmz udp 8472",
    "group:lblan -> group:lblan vrrp",
    "group:lbintegration -> external:business-db tcp 5432",
  ]) {
    expect(rows).toContain(row);
  }
});

describe("host firewalls", () => {
  const of = (name: string): string => {
    const machine = plan.machines.find((each) => each.name === name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return renderFirewall(config, plan, machine);
  };

  it("drop what comes in by default, everywhere", () => {
    for (const machine of plan.machines) {
      expect(renderFirewall(config, plan, machine)).toContain("type filter hook input priority filter; policy drop;");
    }
  });

  it("let SSH in from administrators and the deployer only", () => {
    const ssh = of("prod-vault1")
      .split("\n")
      .filter((line) => line.includes("{ 22 }"));
    expect(ssh.map((line) => line.trim().split(" comment")[0])).toEqual([
      "ip saddr { 198.51.100.128/26 } tcp dport { 22 } accept",
      "ip saddr { 198.51.100.200/32 } tcp dport { 22 } accept",
    ]);
  });

  it("restrict what goes out in the DMZ, and only there", () => {
    for (const machine of plan.machines) {
      const restricted = renderFirewall(config, plan, machine).includes("hook output priority filter; policy drop;");
      expect(restricted, machine.name).toBe(machine.zone === "dmz");
    }
  });

  it("let the DMZ out to the internet and not into the organisation", () => {
    const direct = requirePlatform("prod", { ...rawStack("prod"), proxy: undefined });
    const directPlan = planPlatform(direct);
    const node = directPlan.machines.find((each) => each.name === "prod-rkedmz1");
    const text = node === undefined ? "" : renderFirewall(direct, directPlan, node);
    expect(text).toMatch(/ip daddr != @organisation tcp dport \{ 443, 80 \} accept/);
    expect(text).not.toMatch(/ip daddr != @zones tcp dport/);
    const elements = /set organisation \{\n.*\n {4}elements = \{ (.*) \}/.exec(text)?.[1]?.split(", ") ?? [];
    expect(elements).toEqual([
      "192.0.2.0/24",
      "198.51.100.0/25",
      "203.0.113.0/24",
      "198.51.100.128/26",
      "198.51.100.200/32",
      "198.51.100.192/26",
      "10.0.0.0/8",
      "100.64.0.0/10",
      "169.254.0.0/16",
      "172.16.0.0/12",
      "192.168.0.0/16",
    ]);
    // Who comes in may have a private address of the organisation's own router.
    expect(of("prod-lbdmz1")).toMatch(/ip saddr != @zones ip daddr \S+.* tcp dport \{ 443, 80, 32100/);
  });

  it("let Vault be reached from the named machines, by address", () => {
    const rules = of("prod-vault1")
      .split("\n")
      .filter((line) => line.includes("{ 8200 }"));
    expect(rules.map((line) => (/saddr \{ ([^}]*) \}/.exec(line)?.[1] ?? "").split(", ").length)).toEqual([1, 2, 11, 10]);
  });
});

describe("DNS", () => {
  it("has every machine, virtual address and published name, each once", () => {
    expect(plan.dns).toHaveLength(plan.machines.length + plan.virtualAddresses.length + plan.endpoints.length);
    expect(plan.dns.filter((record) => record.ip === "")).toEqual([]);
  });

  it("gives the network team a zone file", () => {
    const zone = renderZoneFile(config.domain, plan.dns).split("\n");
    expect(zone[1]).toBe("$ORIGIN platform.example.org.");
    expect(zone).toContain("prod-keycloak               IN A 192.0.2.20      ; service through lblan");
    expect(zone).toContain("prod-ael-client-ui          IN A 203.0.113.20    ; service through lbdmz");
  });

  it("leaves a product's names out with the product", () => {
    const gcoOnly = planPlatform({ ...config, products: ["gco"] });
    expect(gcoOnly.endpoints.filter((each) => /ael|flowable/.test(each.name))).toEqual([]);
  });
});

it("an external service keeps its port whatever others come and go", () => {
  const alone = planPlatform({
    ...config,
    externalServices: { mail: config.externalServices["mail"] as (typeof config.externalServices)[string] },
  });
  const port = plan.external.find((each) => each.name === "mail")?.listenPort;
  expect(alone.external).toEqual([expect.objectContaining({ name: "mail", listenPort: port })]);
  expect(port).toBe(portByName("mail"));
});
