// Proves on real machines that an edit touches only what it says, that machines and runs that die are healed, and that no secret lies
// in clear.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { removeSandbox } from "../../sandbox/down";
import { openStack, sandboxEngine } from "../../sandbox/engine";
import { attach, edited, NAME, raiseTest, RESOURCES, shownLines, touched } from "./fixture";
import type { RaisedSandbox } from "./fixture";

let sandbox: RaisedSandbox;

beforeAll(async () => {
  sandbox = await attach();
});

it("no generated secret lies in clear in state, log, hypervisor, arguments or readable files", async () => {
  const shown = await sandbox.pulumi("stack", "export", "--show-secrets");
  const { stack } = await sandbox.open();
  const secrets = [...shown.matchAll(/-----BEGIN (?:OPENSSH |EC )?PRIVATE KEY-----(?:\\+n)([A-Za-z0-9+/=]{40,})/g)].map(
    (match) => match[1] ?? "",
  );
  const password = (await stack.getConfig("platform:secrets")).value.match(/"hypervisorPassword":"([^"]+)"/)?.[1] ?? "";
  // A line that holds the secret part of a key of each kind; others are the same for all, or public.
  const SECRET_LINE: Readonly<Record<string, number>> = { "OPENSSH ": 3, "EC ": 1, "": 2 };
  const bodies = [...shown.matchAll(/-----BEGIN (OPENSSH |EC |)PRIVATE KEY-----((?:\\+n[A-Za-z0-9+/=]+)+)\\+n-----END/g)].map(
    ([, kind = "", lines = ""]) => lines.split(/\\+n/)[SECRET_LINE[kind] ?? 1] ?? "",
  );
  const searched = [...new Set([...bodies.filter((each) => each.length > 30), password])];
  expect(secrets.length).toBeGreaterThanOrEqual(21);
  expect(searched.length).toBeGreaterThanOrEqual(20);

  const places = new Map<string, string>([["log", shownLines.join("\n")]]);
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !["plugins", "disks"].includes(entry.name)) walk(path);
      else if (entry.isFile()) places.set(path, readFileSync(path, "utf8"));
    }
  };
  walk(sandbox.folder());
  for (const name of await sandbox.access.names()) places.set(`hypervisor: ${name}`, await sandbox.access.configuration(name));
  for (const name of ["vault1", "lbdmz1"]) {
    // As an ordinary account of the machine would look.
    const readable =
      "runuser -u nobody -- find /etc /var /run /home /tmp -xdev -type f -size -200k -readable -exec grep -lae 'PRIVATE KEY' {} + 2>/dev/null || true";
    expect((await sandbox.access.shell(name, readable)).trim(), name).toBe("");
    places.set(
      `arguments: ${name}`,
      await sandbox.access.shell(name, "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '"),
    );
  }
  for (const [place, text] of places) {
    const base64 = (value: string): string => Buffer.from(value).toString("base64").slice(2, 30);
    const found = searched.filter((secret) => text.includes(secret) || text.includes(base64(secret)));
    expect(found.length, place).toBe(0);
  }
  expect(places.size).toBeGreaterThan(25);
  expect(statSync(sandbox.folder()).mode & 0o077).toBe(0);
});

describe("an edit of who may come in", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIZiaG7+09DbnEvbxGikiUI40xPzZ9/tS4lHPP9bIFt bob";

  it("reaches every machine and changes no machine's life", async () => {
    const stackFile = edited({
      "administrators: {}": `administrators: { bob: { keys: ["${key}"] } }`,
      "administratorNetworks: [": "administratorNetworks: [203.0.113.77/32, ",
    });
    const result = await raiseTest({ stackFile });
    expect(touched(result)).toEqual(sandbox.names.flatMap((name) => [`${name}-prepared`, `${name}-verified`]).sort());
    expect(await sandbox.access.shell("lbdmz2", "id bob")).toContain("platform-admins");
    expect(await sandbox.access.shell("vault1", "nft list chain inet platform input")).toMatch(/203\.0\.113\.77.* dport 22 accept/);
  });

  it("is verified again when the next edit changes the same files", async () => {
    const stackFile = edited({
      "administrators: {}": `administrators: { bob: { keys: ["${key}"] } }`,
      "administratorNetworks: [": "administratorNetworks: [203.0.113.77/32, 203.0.113.78/32, ",
    });
    expect(touched(await raiseTest({ stackFile }))).toEqual(
      sandbox.names.flatMap((name) => [`${name}-prepared`, `${name}-verified`]).sort(),
    );
    expect(await sandbox.access.shell("vault1", "cat /etc/nftables.conf")).toContain("203.0.113.78/32");
    await sandbox.access.shell("vault1", "! systemctl is-active platform-firewall-rollback.timer");
  });

  it("taken back closes the account and the firewall", async () => {
    await raiseTest();
    expect(await sandbox.access.shell("lbdmz2", "getent passwd bob")).toContain("/usr/sbin/nologin");
    expect((await sandbox.access.attempt("lbdmz2", "test -e /etc/ssh/authorized_keys.d/bob")).ok).toBe(false);
    expect(await sandbox.access.shell("vault1", "nft list chain inet platform input")).not.toContain("203.0.113.77");
  });
});

it("an edit that would take a data disk away is refused in the preview, with the way out", async () => {
  const stackFile = edited({ "platform:users: 100": "platform:users: 500" });
  const { stack } = await openStack(sandboxEngine(NAME, sandbox.result.facts.slot, stackFile));
  const attempt = stack.preview();
  await expect(attempt).rejects.toThrow("rkeapp-master1: this edit would take its data disk away while it runs");
  await expect(attempt).rejects.toThrow("pulumi config set --path 'platform:confirmations.migrated[0]' rkeapp-master1");
});

it("a machine removed behind the program's back comes back alone", async () => {
  await sandbox.access.vanish("lbdmz2");
  const result = await raiseTest();
  expect(touched(result)).toEqual(["lbdmz-apart", "lbdmz2", "lbdmz2-load-balancer-installed", "lbdmz2-prepared", "lbdmz2-verified"]);
  expect(await sandbox.problems()).toEqual([]);
});

// Before and after each machine's creation: test/drills.
it("an engine killed half-way through a machine's creation, and again while it makes it anew, is followed by an up that converges unattended, then nothing to do", async () => {
  await sandbox.access.vanish("vault1");
  await expect(raiseTest({ fault: "half-created:vault1" })).rejects.toThrow();
  // The half is taken over and replaced: this time the old one is gone already when the engine ends.
  await expect(raiseTest({ fault: "half-created:vault1" })).rejects.toThrow();
  await raiseTest();
  expect(await sandbox.access.names()).toEqual(sandbox.names);
  expect(await sandbox.problems()).toEqual([]);
  const { stack } = await sandbox.open();
  expect((await stack.preview({ expectNoChanges: true })).changeSummary).toEqual({ same: RESOURCES });
});

it("a run that is alive is not taken for a dead one", async () => {
  const lock = join(sandbox.folder(), "backend/.pulumi/locks/organization/platform", NAME, "0000.json");
  const hostname = execFileSync("hostname", { encoding: "utf8" }).trim();
  writeFileSync(lock, JSON.stringify({ pid: process.pid, username: "root", hostname, timestamp: new Date().toISOString() }));
  await expect(raiseTest()).rejects.toThrow(`stack ${NAME} is being changed by root on ${hostname} (process ${process.pid})`);
  await expect(removeSandbox(NAME, () => undefined)).rejects.toThrow(`sandbox ${NAME} is being changed by root on ${hostname}`);
  rmSync(lock);
});
