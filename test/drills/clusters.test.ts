// Proves that the engine may be killed at ten random points of a whole first up: the next one goes on each time, and in the end every
// planned node is there once, every server votes, Rancher calls all clusters active, and nothing is left to do.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { removeSandbox } from "../../sandbox/down";
import { openStack, sandboxEngine } from "../../sandbox/engine";
import { sandboxFolder } from "../../sandbox/sandbox";
import { raise } from "../../sandbox/up";
import { livingRun } from "../../src/cli/recover";
import { RESOURCES } from "../sandbox/fixture";

const NAME = "drill";
const KILLS = 10;
/** Steps of one run before its engine is killed: ten such runs and one more make the whole. */
const MOST_STEPS = 36;
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
  await raise({ name: NAME, say }).then(
    () => undefined,
    () => undefined,
  );
  return after;
}

beforeAll(async () => {
  await removeSandbox(NAME, () => undefined);
});

afterAll(async () => {
  await removeSandbox(NAME, () => undefined);
});

it("killed ten times on its way, up converges", async () => {
  const points: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) points.push(await raiseAndKill());
  const { outputs, facts } = await raise({ name: NAME, say: () => undefined });
  const said = `killed after ${points.join(", ")} steps`;

  const folder = mkdtempSync(join(tmpdir(), "drill-"));
  const kubectl = (cluster: string, ...args: readonly string[]): string => {
    const path = join(folder, `${cluster}.yaml`);
    writeFileSync(path, (outputs["kubeconfigs"] as Record<string, string>)[cluster] ?? "", { mode: 0o600 });
    return execFileSync(join(sandboxFolder(NAME), "artifacts/kubernetes/kubectl"), ["--kubeconfig", path, ...args], { encoding: "utf8" });
  };
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
  const { stack } = await openStack(sandboxEngine(NAME, facts.slot));
  expect((await stack.preview({ expectNoChanges: true })).changeSummary, said).toEqual({ same: RESOURCES });
});
