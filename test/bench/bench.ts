import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { table } from "../../src/cli/table";
import { removeSandbox } from "../../sandbox/down";
import { engineEnvironment, openStack, pulumiRoot } from "../../sandbox/engine";
import type { FinishedStep } from "../../sandbox/progress";
import { sandboxFolder } from "../../sandbox/sandbox";
import { raise } from "../../sandbox/up";
import type { UpResult } from "../../sandbox/up";

/**
 * The figures of docs/performance.md, measured on this machine in one run. Seconds depend on the machine; compare the
 * ratios.
 */

const ROOT = dirname(dirname(__dirname));
const NAME = "bench";
const RUNS = 3;

const seconds = (milliseconds: number): number => Math.round(milliseconds / 100) / 10;
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const fresh = (): string => mkdtempSync(join(tmpdir(), "platform-bench-"));

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = Date.now();
  await work();
  return Date.now() - begin;
}

/** Preview of production at 10000 users, with the time of its last registration. */
async function previewProduction(): Promise<{ total: number; registered: number; count: number }> {
  const text = readFileSync(join(ROOT, "Pulumi.prod.yaml"), "utf8").replace(/platform:users: \d+/, "platform:users: 10000");
  const { stack } = await openStack({ folder: fresh(), stack: "prod", stackFile: text });
  const begin = Date.now();
  let last = 0;
  let count = 0;
  const onEvent = (event: EngineEvent): void => {
    if (event.resourcePreEvent === undefined) return;
    last = Date.now() - begin;
    count++;
  };
  const total = await timed(() => stack.preview({ onEvent }));
  return { total, registered: last, count };
}

/** Preview of as many trivial resources, by the same command, host and kind of plugin: what the engine itself costs. */
async function previewFloor(count: number): Promise<number> {
  const root = await pulumiRoot();
  const environment = await engineEnvironment({ folder: fresh(), stack: "floor", stackFile: "" }, root);
  const pulumiCommand = await PulumiCommand.get({ root });
  const workDir = join(ROOT, "test/bench/floor");
  const stack = await LocalWorkspace.createOrSelectStack(
    { stackName: "floor", workDir },
    { pulumiCommand, envVars: { ...environment, BENCH_COUNT: String(count) }, pulumiHome: environment["PULUMI_HOME"] ?? "" },
  );
  const time = await timed(() => stack.preview());
  // The file that init leaves belongs to this run's passphrase.
  rmSync(join(workDir, "Pulumi.floor.yaml"), { force: true });
  return time;
}

/** A machine's way through the run, with what it waited for its turn. */
interface Way {
  readonly machine: string;
  readonly ready: number;
  readonly sinceTurn: number;
  readonly sum: number;
}

function ways(steps: readonly FinishedStep[], turns: ReadonlyMap<string, number>): readonly Way[] {
  return [...turns].flatMap(([machine, turn]) => {
    const own = steps.filter(
      (step) =>
        [machine, `${machine}-host-key`, `${machine}-prepared`, `${machine}-verified`].includes(step.name) && step.operation === "create",
    );
    const verified = own.find((step) => step.name === `${machine}-verified`);
    if (verified === undefined) return [];
    return [
      { machine, ready: verified.end, sinceTurn: verified.end - turn, sum: own.reduce((sum, step) => sum + step.end - step.start, 0) },
    ];
  });
}

/** What a run has made, without components. */
function madeIn(raised: UpResult): readonly FinishedStep[] {
  return raised.progress.steps.filter(
    (step) => step.operation === "create" && !step.type.startsWith("platform:") && step.type !== "pulumi:pulumi:Stack",
  );
}

function span(steps: readonly FinishedStep[]): number {
  return Math.max(...steps.map((step) => step.end)) - Math.min(...steps.map((step) => step.start));
}

/** From its first node's start to its last node's readiness, by the group of its servers. */
function clusterSpans(steps: readonly FinishedStep[]): { readonly all: number; readonly slowest: number } {
  const joins = steps.filter((step) => step.name.endsWith("-rke2-installed"));
  const groups = ["rkeapp", "rkemiddleware", "rkedmz"].map((group) => joins.filter((step) => step.name.startsWith(group)));
  return { all: span(joins), slowest: Math.max(...groups.map(span)) };
}

function readTurns(): ReadonlyMap<string, number> {
  const lines = readFileSync(join(sandboxFolder(NAME), "turns.jsonl"), "utf8")
    .trim()
    .split("\n");
  return new Map(lines.map((line) => JSON.parse(line) as { machine: string; turn: number }).map(({ machine, turn }) => [machine, turn]));
}

async function main(): Promise<void> {
  const previews: { total: number; registered: number; count: number }[] = [];
  const floors: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    // Alternating, so that a slow minute of the machine slows both.
    previews.push(await previewProduction());
    floors.push(await previewFloor(previews[0]?.count ?? 0));
  }
  const total = median(previews.map((each) => each.total));
  const floor = median(floors);

  await removeSandbox(NAME, () => undefined);
  const raised = await raise({ name: NAME, say: () => undefined });
  const makespan = span(madeIn(raised));
  const clusters = clusterSpans(madeIn(raised));
  const idle = await timed(() => raise({ name: NAME, say: () => undefined }));
  await removeSandbox(NAME, () => undefined);

  // The machines' layer alone: beside it, control planes start on the same two cores.
  const machines = madeIn(await raise({ name: NAME, say: () => undefined, program: join(ROOT, "test/machines-layer") }));
  const verified = span(machines);
  const each = ways(machines, readTurns());
  const critical = Math.max(...each.map((way) => way.sum));
  const sum = machines.reduce((all, step) => all + step.end - step.start, 0);
  await removeSandbox(NAME, () => undefined);

  const rows: (readonly [string, number, string])[] = [
    [
      "start of preview to last registration, 10000 users",
      seconds(median(previews.map((one) => one.registered))),
      `${previews[0]?.count ?? 0} resources`,
    ],
    ["preview of 10000 users", seconds(total), `median of ${RUNS}`],
    ["preview of as many trivial resources (floor)", seconds(floor), `median of ${RUNS}`],
    ["ratio to the floor", Math.round((total / floor) * 100) / 100, "bar 1.5"],
    ["up: makespan", seconds(makespan), "first step to last"],
    ["clusters: makespan", seconds(clusters.all), "first server's start to last node's readiness"],
    ["clusters: makespan to the slowest one's", Math.round((clusters.all / clusters.slowest) * 100) / 100, "bar 1.4"],
    ["machines layer: makespan", seconds(verified), "first step to last, this layer alone"],
    ["machines layer: critical path (longest chain of one machine, waiting for its turn included)", seconds(critical), ""],
    ["machines layer: makespan to critical path", Math.round((verified / critical) * 100) / 100, "bar 1.3"],
    ["machines layer: sum of all steps", seconds(sum), "what one after the other would take, at this load"],
    ["slowest machine, from its turn to verified", seconds(Math.max(...each.map((way) => way.sinceTurn))), "bar 30"],
    ["up with nothing to do, refresh included", seconds(idle), "whole command"],
  ];
  process.stdout.write(`${table(["figure", "value", "note"], rows)}\n`);
}

void main();
