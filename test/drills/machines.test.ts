// Proves of the machines' layer that the engine may be killed before and after the creation of every machine in turn: each time the
// next up converges unattended, without an orphan or a duplicate, and a preview then finds nothing to do.
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { removeSandbox } from "../../sandbox/down";
import { openStack, sandboxEngine } from "../../sandbox/engine";
import { raise } from "../../sandbox/up";
import type { UpResult } from "../../sandbox/up";
import { planPlatform } from "../../src/plan/platform-plan";
import { requirePlatform } from "../../src/config/parse";
import { MachineAccess } from "../sandbox/machine-access";
import { rawStack } from "../src/config/valid";

const NAME = "drill";
const PROGRAM = join(dirname(__dirname), "machines-layer");
const RESOURCES = 110;
const plan = planPlatform(requirePlatform("sandbox", rawStack("sandbox")));
const names = plan.machines.map((machine) => machine.name);
const say = (): void => undefined;
let first: UpResult;
let access: MachineAccess;

beforeAll(async () => {
  await removeSandbox(NAME, say);
  first = await raise({ name: NAME, say, program: PROGRAM });
  access = new MachineAccess(first.facts);
});

afterAll(async () => {
  await removeSandbox(NAME, say);
});

it.each(names.flatMap((name) => [["before-create", name] as const, ["after-create", name] as const]))("%s of %s", async (point, name) => {
  await access.vanish(name);
  await expect(raise({ name: NAME, say, program: PROGRAM, environment: { SANDBOX_FAULT: `${point}:${name}` } })).rejects.toThrow();
  await raise({ name: NAME, say, program: PROGRAM });
  expect(await access.names()).toEqual([...names].sort());
  const { stack } = await openStack({ ...sandboxEngine(NAME, first.facts.slot), program: PROGRAM });
  expect((await stack.preview({ expectNoChanges: true })).changeSummary).toEqual({ same: RESOURCES });
});
