import { appendFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Lxd } from "../lxd";

/**
 * A hypervisor's host starts only so many machines at a time; so does the sandbox, lest eighteen boots share two cores
 * and none is ready for minutes. A machine's turn ends when its processor has come to rest: booted and prepared.
 */

/** Waiting for disk, network and each other leaves room for two more than there are cores. */
const SLOTS = cpus().length + 2;
/** At rest: less than this share of one core, for this long. Longer than the pauses between two attempts over SSH. */
const REST_SHARE = 0.1;
const REST_MS = 4000;
const SAMPLE_MS = 500;
/** A machine that never rests no longer holds up the others. */
const LONGEST_TURN_MS = 60_000;

let free = SLOTS;
const waiting: (() => void)[] = [];

async function take(): Promise<void> {
  if (free > 0) {
    free--;
    return;
  }
  await new Promise<void>((resolve) => waiting.push(resolve));
}

function release(): void {
  const next = waiting.shift();
  if (next === undefined) free++;
  else next();
}

async function processorSeconds(lxd: Lxd, machine: string): Promise<number> {
  const state = (await lxd.get(`/instances/${machine}/state`)) as { cpu: { usage: number } };
  return state.cpu.usage / 1e9;
}

async function atRest(lxd: Lxd, machine: string): Promise<void> {
  const end = Date.now() + LONGEST_TURN_MS;
  let used = await processorSeconds(lxd, machine);
  let lastBusy = Date.now();
  while (Date.now() < end && Date.now() - lastBusy < REST_MS) {
    await delay(SAMPLE_MS);
    const now = await processorSeconds(lxd, machine);
    if ((now - used) * 1000 > REST_SHARE * SAMPLE_MS) lastBusy = Date.now();
    used = now;
  }
}

/** Runs `start` when this machine's turn comes; the turn goes on until the machine is at rest. */
export async function inTurn<Result>(folder: string, lxd: Lxd, machine: string, start: () => Promise<Result>): Promise<Result> {
  await take();
  appendFileSync(join(folder, "turns.jsonl"), `${JSON.stringify({ machine, turn: Date.now() })}\n`, { mode: 0o600 });
  try {
    const result = await start();
    // A machine that is gone again has nothing left to wait for.
    void atRest(lxd, machine)
      .catch(() => undefined)
      .finally(release);
    return result;
  } catch (error) {
    release();
    throw error;
  }
}
