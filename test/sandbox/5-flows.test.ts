// Proves by real connections that exactly the flows of the plan are open: from every group, the outside and the deployer, to every group
// and virtual address, on every port of the matrix and on twenty that are in no flow.
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../sandbox/process";
import { gatewayOf, outsideAddress } from "../../sandbox/sandbox";
import { readStackFile } from "../../src/config/stack-file";
import { contains, parseCidr } from "../../src/network/ipv4";
import { planPlatform } from "../../src/plan/platform-plan";
import type { PlannedMachine, PlatformPlan } from "../../src/plan/platform-plan";
import type { Port } from "../../src/network/flows";
import { sandboxEngine } from "../../sandbox/engine";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RaisedSandbox } from "./fixture";
import { attach, NAME } from "./fixture";

const PROBE = join(__dirname, "network-probe.py");
/** In no flow and in no range of one. */
const OUTSIDE_THE_MATRIX = [21, 23, 25, 111, 139, 179, 389, 445, 636, 873, 1433, 2049, 2375, 3306, 3389, 5432, 5900, 6379, 8000, 30500];
/** Longest that an open port may take to answer, on a busy machine. */
const WAIT_SECONDS = 3;
const INTERNET = "0.0.0.0/0";

let sandbox: RaisedSandbox;
let plan: PlatformPlan;
/** One machine of each group, and the second of the source's own. */
let groups: ReadonlyMap<string, readonly PlannedMachine[]>;

type Target = readonly [protocol: "tcp" | "udp", address: string, port: number, expected: boolean];

function sampled(ports: readonly Port[]): readonly number[] {
  return ports.flatMap((port) => (typeof port === "number" ? [port] : [port[0], Math.floor((port[0] + port[1]) / 2), port[1]]));
}

function matrixPorts(protocol: "tcp" | "udp"): readonly number[] {
  const all = plan.flows.filter((flow) => flow.protocol === protocol).flatMap((flow) => sampled(flow.ports));
  return [...new Set(all)].sort((a, b) => a - b);
}

function within(address: string, network: string): boolean {
  const cidr = parseCidr(network);
  return network === address || (cidr !== undefined && contains(cidr, address));
}

/** Whether the plan lets `source` reach this port: the internet is whoever is in none of its zones. */
function declared(source: string, [protocol, address, port]: readonly ["tcp" | "udp", string, number]): boolean {
  return plan.flows.some(
    (flow) =>
      flow.protocol === protocol &&
      flow.destinations.includes(address) &&
      flow.ports.some((each) => (typeof each === "number" ? each === port : each[0] <= port && port <= each[1])) &&
      flow.sources.some((each) => (each === INTERNET ? source === outside() : within(source, each))),
  );
}

function outside(): string {
  return outsideAddress(sandbox.result.facts.slot);
}

/** What there is to knock at: the first machine of every group but the source itself, and every virtual address. */
function targets(source: string, held: readonly string[] = []): readonly Target[] {
  const machines = [...groups.values()].flatMap((members) => members.filter((each) => each.ip !== source).slice(0, 1));
  const addresses = [
    ...machines.map((each) => each.ip),
    ...plan.virtualAddresses.map((each) => each.ip).filter((ip) => !held.includes(ip)),
  ];
  const ports = [
    ...[...matrixPorts("tcp"), ...OUTSIDE_THE_MATRIX].map((port) => ["tcp", port] as const),
    ...[...matrixPorts("udp"), ...OUTSIDE_THE_MATRIX].map((port) => ["udp", port] as const),
  ];
  return addresses.flatMap((address) =>
    ports.map(([protocol, port]): Target => [protocol, address, port, declared(source, [protocol, address, port])]),
  );
}

async function wrong(
  source: string,
  knock: (request: object) => Promise<readonly string[]>,
  held: readonly string[] = [],
): Promise<readonly string[]> {
  const all = targets(source, held);
  const answers = await knock({ do: "knock", wait: WAIT_SECONDS, targets: all });
  return all.flatMap(([protocol, address, port, expected], index) => {
    const found = answers[index] ?? "nothing";
    return (found === "open") === expected && (expected || found === "silent")
      ? []
      : [`${source} -> ${address}:${port}/${protocol}: ${found}, expected ${expected ? "open" : "silent"}`];
  });
}

beforeAll(async () => {
  sandbox = await attach();
  const path = join(mkdtempSync(join(tmpdir(), "flows-")), "Pulumi.test.yaml");
  writeFileSync(path, sandboxEngine(NAME, sandbox.result.facts.slot).stackFile);
  plan = planPlatform(readStackFile(path).config);
  groups = new Map(
    [...new Set(plan.machines.map((each) => each.group))].map((group) => [group, plan.machines.filter((each) => each.group === group)]),
  );
  const udp = [...matrixPorts("udp"), ...OUTSIDE_THE_MATRIX];
  const tcp = [...matrixPorts("tcp"), ...OUTSIDE_THE_MATRIX];
  // Both of a pair, so that whoever holds a virtual address listens on it.
  for (const members of groups.values()) for (const machine of members.slice(0, 2)) await sandbox.access.listen(machine.name, tcp, udp);
}, 300_000);

afterAll(async () => {
  for (const members of groups.values()) for (const machine of members.slice(0, 2)) await sandbox.access.stopListening(machine.name);
});

it("has something to knock at", () => {
  const all = targets(plan.machines[0]?.ip ?? "");
  expect(all.filter(([, , , expected]) => expected).length).toBeGreaterThan(20);
  expect(all.filter(([, , , expected]) => !expected).length).toBeGreaterThan(500);
});

it("every group reaches what the plan says and nothing else", async () => {
  const found: string[] = [];
  for (const members of groups.values()) {
    const [machine] = members;
    if (machine === undefined) continue;
    const knock = (request: object): Promise<readonly string[]> =>
      sandbox.access.probe(machine.name, request) as Promise<readonly string[]>;
    // What it holds itself it reaches without any network.
    const own = await sandbox.access.shell(machine.name, "ip -o -4 address show | awk '{ print $4 }'");
    const held = own.split("\n").map((each) => each.split("/")[0] ?? "");
    found.push(...(await wrong(machine.ip, knock, held)));
  }
  expect(found).toEqual([]);
}, 600_000);

it.each(["internet", "deployer"])(
  "the %s reaches what the plan says and nothing else",
  async (who) => {
    const source = who === "internet" ? outside() : gatewayOf(sandbox.result.facts.slot, "lan");
    const knock = async (request: object): Promise<readonly string[]> =>
      JSON.parse(await run("python3", [PROBE], { stdin: `${JSON.stringify({ ...request, source })}\n` })) as readonly string[];
    expect(await wrong(source, knock)).toEqual([]);
  },
  300_000,
);
