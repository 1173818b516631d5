// Proves that destroy refuses while machines hold data, then leaves nothing, and that make down removes the rest and nothing else.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { removeSandbox } from "../../sandbox/down";
import { bridgeName } from "../../sandbox/sandbox";
import { attach, NAME } from "./fixture";
import type { RaisedSandbox } from "./fixture";

let sandbox: RaisedSandbox;

beforeAll(async () => {
  sandbox = await attach();
});

afterAll(async () => {
  await removeSandbox(NAME, () => undefined);
});

it("destroy refuses while machines hold data, then leaves nothing", async () => {
  const { stack } = await sandbox.open();
  await expect(stack.destroy()).rejects.toThrow("protect");
  // Load balancers hold nothing; every machine that does is still there.
  expect(await sandbox.access.names()).toEqual(sandbox.names.filter((name) => !name.startsWith("lb")));
  await sandbox.pulumi("state", "unprotect", "--all", "--yes");
  await stack.destroy({ parallel: 16 });
  expect(await sandbox.access.names()).toEqual([]);
  const objects = readdirSync(join(sandbox.folder(), "vsphere"), { recursive: true, encoding: "utf8" });
  expect(objects.filter((path) => path.endsWith(".json"))).toEqual([]);
  // keepOnRemove: the data disks outlive their machines in the datastore.
  expect(readdirSync(join(sandbox.folder(), "disks/kept")).length).toBeGreaterThanOrEqual(12);
});

it("make down removes the rest of the sandbox", async () => {
  const { slot } = sandbox.result.facts;
  const bridge = bridgeName(slot, "lan");
  expect(existsSync(`/sys/class/net/${bridge}`)).toBe(true);
  expect(await removeSandbox(NAME, () => undefined)).toBe(true);
  expect(existsSync(`/sys/class/net/${bridge}`)).toBe(false);
  expect(existsSync(sandbox.folder())).toBe(false);
  expect(execFileSync("losetup", ["--list", "--output", "BACK-FILE"], { encoding: "utf8" })).not.toContain(`/${NAME}/disks/`);
  expect(execFileSync("nft", ["list", "tables"], { encoding: "utf8" })).not.toContain(`platform_sandbox_${slot}\n`);
});
