// Proves the platform command as an operator runs it: exit codes, all problems at once, no stack trace, no secret echoed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { rawStack, withValue } from "../config/valid";

const ROOT = join(__dirname, "../../..");

function platform(...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "src/cli/platform.cjs"), ...args], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr: stderr.replace(/^npm warn.*\n/gm, "") };
}

describe("plan --format json", () => {
  it.each([
    ["100", { machines: 18, vcpu: 60, memoryGib: 112, osDiskGb: 1260, dataDiskGb: 1320 }],
    ["500", { machines: 26, vcpu: 100, memoryGib: 196, osDiskGb: 1900, dataDiskGb: 1920 }],
    ["1000", { machines: 33, vcpu: 176, memoryGib: 328, osDiskGb: 2460, dataDiskGb: 2370 }],
    ["10000", { machines: 42, vcpu: 276, memoryGib: 536, osDiskGb: 3180, dataDiskGb: 4470 }],
  ])("of %s users has these totals and these keys", (users, totals) => {
    const { code, stdout } = platform("plan", "--stack", "prod", "--users", users, "--format", "json");
    const plan = JSON.parse(stdout) as { totals: unknown; tier: number; machines: Record<string, unknown>[] };
    expect(code).toBe(0);
    expect(plan.totals).toEqual(totals);
    expect(plan.tier).toBe(Number(users));
    expect(Object.keys(plan).slice(0, 6)).toEqual(["tier", "machines", "totals", "virtualAddresses", "flows", "endpoints"]);
    expect(Object.keys(plan.machines[0] ?? {})).toEqual([
      "name",
      "group",
      "zone",
      "ip",
      "vcpu",
      "memoryGib",
      "osDiskGb",
      "dataDiskGb",
      "roles",
    ]);
  });
});

it.each(["table", "markdown", "html"])("plan --format %s names every machine and reads no network", (format) => {
  const { code, stdout } = platform("plan", "--stack", "sandbox", "--format", format);
  expect(code).toBe(0);
  for (const name of ["rkeapp-master1", "vault1", "lbdmz2", "keycloak"]) expect(stdout).toContain(name);
  expect(stdout).not.toMatch(/<(script|link|img)/);
});

it("npx finds the command after a plain npm ci", () => {
  const { status, stdout } = spawnSync("npx", ["platform", "check", "--stack", "prod"], { cwd: ROOT, encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout.split("\n")[0]).toBe("Pulumi.prod.yaml: ok");
});

describe("check", () => {
  it("says ok and what it will build", () => {
    const { code, stdout } = platform("check", "--stack", "sandbox");
    expect(code).toBe(0);
    expect(stdout.split("\n")[0]).toBe("Pulumi.sandbox.yaml: ok");
    expect(stdout).toContain("It needs 18 virtual machines");
  });

  it("reports ten mistakes as ten problems, exit 1, without a stack trace or a secret", () => {
    let raw = rawStack("prod");
    const edits: readonly [readonly (string | number)[], unknown][] = [
      [["users"], 0],
      [["prefix"], "PROD"],
      [["domain"], "example"],
      [["products", 0], "portal"],
      [["hypervisor", "datstore"], "DS9"],
      [["zones", "lan", "gateway"], "10.0.0.1"],
      [["zones", "dmz", "cidr"], "203.0.113.1/24"],
      [["access", "userNetworks"], []],
      [["externalServices", "mail", "port"], "587"],
    ];
    for (const [path, value] of edits) raw = withValue(raw, path, value);
    const config = Object.fromEntries(Object.entries(raw).map(([key, value]) => [`platform:${key}`, value]));
    const path = join(mkdtempSync(join(tmpdir(), "check-")), "Pulumi.broken.yaml");
    writeFileSync(path, stringify({ config: { ...config, "platform:secrets": { hypervisorPassword: "hunter2-in-clear" } } }));
    const { code, stdout, stderr } = platform("check", "--config", path);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.split("\n")[0]).toBe("Pulumi.broken.yaml has 10 problems:");
    expect(stderr.trim().split("\n")).toHaveLength(11);
    expect(stderr).not.toContain("hunter2");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("names a stack that has no file", () => {
    const { code, stderr } = platform("check", "--stack", "nowhere");
    expect(code).toBe(1);
    expect(stderr).toContain("Pulumi.nowhere.yaml: there is no such file");
  });
});

it.each([[["plan"]], [["plan", "--stack", "prod", "--users", "many"]], [["plan", "--stack", "prod", "--format", "pdf"]], [["bild"]]])(
  "a wrong command line %j ends with 2",
  (args) => {
    expect(platform(...args).code).toBe(2);
  },
);

describe("render", () => {
  it("writes each machine's files, secrets as placeholders, and only over what it wrote", () => {
    const out = join(mkdtempSync(join(tmpdir(), "render-")), "out");
    expect(platform("render", "--stack", "sandbox", "--out", out).code).toBe(0);
    expect(readdirSync(join(out, "machines"))).toHaveLength(18);
    expect(readFileSync(join(out, "machines/vault1/cloud-init/user-data"), "utf8")).toContain('ed25519_private: "<secret: host-key>"');
    expect(existsSync(join(out, "machines/vault1/etc/platform/nftables.conf"))).toBe(true);
    expect(platform("render", "--stack", "sandbox", "--out", out).code).toBe(0);
    const other = mkdtempSync(join(tmpdir(), "render-"));
    writeFileSync(join(other, "mine"), "");
    expect(platform("render", "--stack", "sandbox", "--out", other).code).toBe(1);
    expect(existsSync(join(other, "mine"))).toBe(true);
  });
});
