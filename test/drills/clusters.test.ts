// Proves that the engine may be killed at ten random points of a whole first up: the next one goes on each time, and in the end every
// planned node is there once, every server votes, Rancher calls all clusters active, and nothing is left to do. Then that etcd comes back from
// a snapshot, and that another version of RKE2 reaches one server at a time.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { removeSandbox } from "../../sandbox/down";
import { openStack, sandboxEngine } from "../../sandbox/engine";
import { sandboxFolder } from "../../sandbox/sandbox";
import { raise } from "../../sandbox/up";
import type { UpResult } from "../../sandbox/up";
import { livingRun } from "../../src/cli/recover";
import { edited, RESOURCES } from "../sandbox/fixture";
import { MachineAccess } from "../sandbox/machine-access";

const NAME = "drill";
const KILLS = 10;
/** Steps of one run before its engine is killed, at most: ten such runs leave some of the eighty-odd for the last one. */
const MOST_STEPS = 12;
const folder = mkdtempSync(join(tmpdir(), "drill-"));
const backend = `file://${join(sandboxFolder(NAME), "backend")}`;

/** Raises until a random number of steps has ended, then kills the engine. @returns how many */
async function raiseAndKill(): Promise<number> {
  const after = 1 + Math.floor(Math.random() * MOST_STEPS);
  let steps = 0;
  const say = (line: string): void => {
    if (!/^ *\d+\.\d s +(create|update)/.test(line) || ++steps !== after) return;
    const engine = livingRun(backend, NAME);
    if (engine !== undefined) process.kill(engine.pid, "SIGKILL");
  };
  await expect(raise({ name: NAME, say })).rejects.toThrow();
  return after;
}

beforeAll(async () => {
  await removeSandbox(NAME, () => undefined);
});

afterAll(async () => {
  await removeSandbox(NAME, () => undefined);
});

let raised: UpResult;

function kubectl(cluster: string, ...args: readonly string[]): string {
  const path = join(folder, `${cluster}.yaml`);
  writeFileSync(path, (raised.outputs["kubeconfigs"] as Record<string, string>)[cluster] ?? "", { mode: 0o600 });
  return execFileSync(join(sandboxFolder(NAME), "artifacts/kubernetes/kubectl"), ["--kubeconfig", path, ...args], { encoding: "utf8" });
}

async function previewed(): Promise<unknown> {
  const { stack } = await openStack(sandboxEngine(NAME, raised.facts.slot));
  return (await stack.preview({ expectNoChanges: true })).changeSummary;
}

it("killed ten times on its way, up converges", async () => {
  const points: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) points.push(await raiseAndKill());
  raised = await raise({ name: NAME, say: () => undefined });
  const said = `killed after ${points.join(", ")} steps`;
  const ready = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
  for (const [cluster, group] of [
    ["apps", "rkeapp-master"],
    ["middleware", "rkemiddleware-master"],
    ["dmz", "rkedmz"],
  ] as const) {
    expect(kubectl(cluster, "get", "nodes", "-o", `jsonpath=${ready}`).trim().split(" ").sort(), said).toEqual(
      [1, 2, 3].map((ordinal) => `${group}${ordinal}=True`),
    );
  }
  expect(kubectl("middleware", "get", "clusters.management.cattle.io", "-o", `jsonpath=${ready}`).trim().split(" "), said).toHaveLength(3);
  expect(await previewed(), said).toEqual({ same: RESOURCES });
});

it("etcd restored from a snapshot, by the commands of docs/operations.md, has what was saved and not what came after", async () => {
  const access = new MachineAccess(raised.facts);
  const [keeper, others] = ["rkedmz2", ["rkedmz1", "rkedmz3"]] as const;
  kubectl("dmz", "create", "configmap", "saved");
  const snapshot = (await access.shell(keeper, "rke2 etcd-snapshot save --name drill")).trim();
  kubectl("dmz", "create", "configmap", "later");
  await Promise.all([keeper, ...others].map((server) => access.shell(server, "systemctl stop rke2-server")));

  const config = "/etc/rancher/rke2/config.yaml";
  await access.shell(keeper, `sed -i.before '/^server:/d' ${config}; rm -rf ${config}.d`);
  await access.shell(keeper, `rke2 server --cluster-reset --etcd-s3=false --cluster-reset-restore-path=${snapshot}`);
  await access.shell(keeper, `[ ! -f ${config}.before ] || mv ${config}.before ${config}`);
  await access.shell(keeper, "systemctl start rke2-server");
  const address = (raised.outputs["virtualAddresses"] as { name: string; ip: string }[]).find(({ name }) => name === "api-dmz")?.ip ?? "";
  await access.shell("rkedmz1", `mkdir -p ${config}.d && echo 'server: https://${address}:9345' > ${config}.d/50-join.yaml`);
  for (const server of others) await access.shell(server, "rm -rf /var/lib/rancher/rke2/server/db && systemctl start rke2-server");

  expect(kubectl("dmz", "get", "configmap", "saved", "-o", "name")).toContain("saved");
  expect(() => kubectl("dmz", "get", "configmap", "later")).toThrow("NotFound");
  kubectl("dmz", "wait", "--for=condition=Ready", "node", "--all", "--timeout=120s");
  expect(kubectl("dmz", "get", "nodes", "-o", "name").trim().split("\n")).toHaveLength(3);
  kubectl("dmz", "delete", "configmap", "saved");
  expect(await previewed()).toEqual({ same: RESOURCES });
});

it("another password for pulling images reaches every node, one server at a time, and leaves all of them ready", async () => {
  const stackFile = edited({ "platform:versions:": "platform:rotations: { registry-nodes: again }\n  platform:versions:" });
  const rotated = await raise({ name: NAME, say: () => undefined, stackFile });
  for (const group of ["rkeapp-master", "rkemiddleware-master", "rkedmz"]) {
    const steps = [1, 2, 3].map((ordinal) => rotated.progress.steps.find(({ name }) => name === `${group}${ordinal}-rke2-installed`));
    expect(steps.map((step) => step?.operation)).toEqual(["update", "update", "update"]);
    for (const [index, step] of steps.entries()) expect(step?.start ?? 0).toBeGreaterThanOrEqual(steps[index - 1]?.end ?? 0);
  }
  for (const cluster of ["apps", "middleware", "dmz"]) kubectl(cluster, "wait", "--for=condition=Ready", "node", "--all", "--timeout=60s");
});

it("another version of RKE2 reaches one server at a time, each having saved etcd", async () => {
  const stackFile = edited({ "rke2: 1.36.3-stand-in": "rke2: 1.36.4-stand-in" });
  const upgraded = await raise({ name: NAME, say: () => undefined, stackFile });
  const access = new MachineAccess(upgraded.facts);
  for (const group of ["rkeapp-master", "rkemiddleware-master", "rkedmz"]) {
    const steps = [1, 2, 3].map((ordinal) => upgraded.progress.steps.find(({ name }) => name === `${group}${ordinal}-rke2-installed`));
    for (const [index, step] of steps.entries()) {
      expect(step?.operation).toBe("update");
      expect(step?.start ?? 0, `${group}${index + 1} after the one before`).toBeGreaterThanOrEqual(steps[index - 1]?.end ?? 0);
      const server = `${group}${index + 1}`;
      expect(await access.shell(server, "rke2 --version; ls /var/lib/rancher/rke2/server/db/snapshots")).toMatch(
        /v1\.36\.4-stand-in[\s\S]*before-v1\.36\.4-stand-in/,
      );
    }
  }
  for (const cluster of ["apps", "middleware", "dmz"]) {
    const versions = kubectl(cluster, "get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.kubeletVersion}").trim().split(" ");
    expect(versions).toEqual(Array.from({ length: 3 }, () => "v1.36.4-stand-in"));
  }
});
