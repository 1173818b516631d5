// Proves on real pairs, with requests running, that a dead HAProxy, a dead keepalived and a dead machine cost at most a second, and that
// a changed route costs nothing and touches its own pair only.
import { randomUUID } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gatewayOf, outsideAddress } from "../../sandbox/sandbox";
import { run } from "../../sandbox/process";
import { portByName } from "../../src/network/external";
import type { RaisedSandbox } from "./fixture";
import { attach, edited, eventually, raiseTest, touched } from "./fixture";

const PROBE = join(__dirname, "network-probe.py");
const RATE = 50;

let sandbox: RaisedSandbox;
let trust: string;

interface Stream {
  readonly asked: number;
  readonly failed: readonly number[];
}

interface Pair {
  readonly group: string;
  readonly address: string;
  readonly port: number;
  readonly host?: string;
  /** Asked from: a machine, or this host speaking as the internet. */
  readonly from: string;
}

function pairs(): readonly Pair[] {
  const addresses = sandbox.result.outputs["virtualAddresses"] as { name: string; ip: string }[];
  const ip = (name: string): string => addresses.find((each) => each.name === name)?.ip ?? "";
  return [
    { group: "lblan", address: ip("lblan"), port: 443, host: "gogs.sandbox.test", from: "rkeapp-master1" },
    { group: "lbdmz", address: ip("lbdmz"), port: 443, host: "api.sandbox.test", from: "internet" },
    { group: "lbintegration", address: ip("lbintegration"), port: portByName("sms"), from: "rkeapp-master1" },
  ];
}

/** Requests to the pair's address while `work` goes on. */
async function during(pair: Pair, seconds: number, work: () => Promise<void>, until?: string): Promise<Stream> {
  const internet = pair.from === "internet";
  const target = {
    address: pair.address,
    port: pair.port,
    host: pair.host,
    ...(internet ? { source: outsideAddress(sandbox.result.facts.slot), trust } : {}),
  };
  const begun = `/tmp/probe-${randomUUID()}`;
  const request = { do: "stream", target, seconds, rate: RATE, until, begun };
  const underWay = async (): Promise<boolean> =>
    internet ? existsSync(begun) : (await sandbox.access.attempt(pair.from, `test -e ${begun}`)).ok;
  const running = internet
    ? run("python3", [PROBE], { stdin: `${JSON.stringify(request)}\n` }).then(
        (text) => JSON.parse(text.trim().split("\n").at(-1) ?? "") as Stream,
      )
    : (sandbox.access.probe(pair.from, request) as Promise<Stream>);
  const harmed = (async (): Promise<void> => {
    await eventually("requests run", underWay);
    await work();
  })();
  const [result] = await Promise.all([running, harmed]);
  return result;
}

async function holder(pair: Pair): Promise<string> {
  for (const name of [`${pair.group}1`, `${pair.group}2`]) {
    const { ok, output } = await sandbox.access.attempt(name, "ip -o -4 address show");
    if (ok && output.includes(` ${pair.address}/`)) return name;
  }
  return "";
}

/** Both serve, one holds the address. */
async function whole(pair: Pair): Promise<void> {
  for (const name of [`${pair.group}1`, `${pair.group}2`]) {
    await eventually(
      `${name} serves`,
      async () =>
        (
          await sandbox.access.attempt(
            name,
            "systemctl is-active --quiet keepalived && curl -sf -m 2 -o /dev/null http://127.0.0.1:8404/health",
          )
        ).ok,
    );
  }
  await eventually(`somebody holds ${pair.address}`, async () => (await holder(pair)) !== "");
}

beforeAll(async () => {
  sandbox = await attach();
  trust = join(sandbox.folder(), "root.pem");
  writeFileSync(trust, String(sandbox.result.outputs["rootCertificate"]));
});

describe.each([0, 1, 2])("pair %i", (index) => {
  const at = (): Pair => pairs()[index] as Pair;

  it.each([
    ["HAProxy killed", (name: string) => sandbox.access.shell(name, "systemctl kill --signal=KILL haproxy")],
    ["keepalived killed", (name: string) => sandbox.access.shell(name, "systemctl kill --signal=KILL keepalived")],
    ["the machine stopped", (name: string) => sandbox.access.stop(name)],
  ])("%s: its address answers again within a second", async (what, harm) => {
    const pair = at();
    await whole(pair);
    const victim = await holder(pair);
    const { asked, failed } = await during(pair, 6, async () => {
      await harm(victim);
    }).finally(async () => {
      if (what === "the machine stopped") await sandbox.access.start(victim);
    });
    expect(asked).toBe(6 * RATE);
    expect(failed.length, `failed at ${failed.join(", ")} s`).toBeLessThanOrEqual(RATE);
    expect((failed.at(-1) ?? 0) - (failed[0] ?? 0)).toBeLessThanOrEqual(1);
    await whole(pair);
  });
});

it("a changed route touches its own pair, one node after the other, and no request fails", async () => {
  const pair = pairs()[2] as Pair;
  await whole(pair);
  const gateway = gatewayOf(0, "lan");
  const other = edited({ [`sms: { kind: http, host: ${gateway}, port: 8090`]: `sms: { kind: http, host: ${gateway}, port: 8091` });
  await sandbox.access.shell(pair.from, "rm -f /run/probe.stop");
  let changed: readonly string[] = [];
  const { asked, failed } = await during(
    pair,
    200,
    async () => {
      const result = await raiseTest({ stackFile: other });
      changed = touched(result);
      const [first, second] = ["lbintegration1", "lbintegration2"].map((name) =>
        result.progress.steps.find((step) => step.name === `${name}-load-balancer-installed` && step.operation === "update"),
      );
      expect(second?.start).toBeGreaterThanOrEqual(first?.end ?? Infinity);
      await sandbox.access.shell(pair.from, "touch /run/probe.stop");
    },
    "/run/probe.stop",
  );
  expect(changed).toEqual(["lbintegration1-load-balancer-installed", "lbintegration2-load-balancer-installed"]);
  expect(asked).toBeGreaterThan(RATE);
  expect(failed).toEqual([]);
  await raiseTest();
});

it("takes over from the HAProxy that its package started", async () => {
  await whole(pairs()[0] as Pair);
  const victim = (await holder(pairs()[0] as Pair)) === "lblan1" ? "lblan2" : "lblan1";
  await sandbox.access.shell(
    victim,
    "systemctl stop haproxy && rm -r /etc/systemd/system/haproxy.service.d /etc/haproxy/platform && systemctl daemon-reload && systemctl start haproxy",
  );
  const { ok, output } = await sandbox.access.attempt(victim, "PLATFORM_CHANGED= /usr/local/lib/platform/load-balancer/haproxy.sh");
  expect(ok, output).toBe(true);
  await whole(pairs()[0] as Pair);
});

it("a configuration that cannot listen where it should gives way to the one before", async () => {
  const broken =
    "cp -a /etc/platform/haproxy /run/kept && printf 'frontend more\\n    mode tcp\\n    bind 127.0.0.1:22220\\n' >> /etc/platform/haproxy/haproxy.cfg";
  await sandbox.access.shell(
    "lblan1",
    `${broken} && (python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 22220)); s.listen(); time.sleep(60)' > /dev/null 2>&1 & echo $! > /run/holder)`,
  );
  const { ok, output } = await sandbox.access.attempt("lblan1", "PLATFORM_CHANGED= /usr/local/lib/platform/load-balancer/haproxy.sh");
  await sandbox.access.shell("lblan1", "cp -a /run/kept/. /etc/platform/haproxy/ && rm -r /run/kept && (xargs kill < /run/holder || true)");
  expect(ok).toBe(false);
  expect(output).toContain("the one before is in service again");
  expect(await sandbox.access.shell("lblan1", "cat /etc/haproxy/platform/haproxy.cfg")).not.toContain("22220");
  await whole(pairs()[0] as Pair);
});

it("a configuration that HAProxy refuses leaves the one in service", async () => {
  const broken = "cp -a /etc/platform/haproxy /run/kept && echo nonsense >> /etc/platform/haproxy/haproxy.cfg";
  await sandbox.access.shell("lblan1", broken);
  const { ok, output } = await sandbox.access.attempt("lblan1", "PLATFORM_CHANGED= /usr/local/lib/platform/load-balancer/haproxy.sh");
  await sandbox.access.shell("lblan1", "cp -a /run/kept/. /etc/platform/haproxy/ && rm -r /run/kept");
  expect(ok).toBe(false);
  expect(output).toContain("the one in service stays");
  expect(await sandbox.access.shell("lblan1", "cat /etc/haproxy/platform/haproxy.cfg")).not.toContain("nonsense");
  expect((await raiseTest()).progress.changed()).toBe(0);
});
