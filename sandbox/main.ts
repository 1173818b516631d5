import { ConfigError } from "../src/config/problems";
import { RecoveryError } from "../src/cli/recover";
import { removeSandbox } from "./down";
import { openStack, sandboxEngine } from "./engine";
import { SandboxError } from "./errors";
import { findDaemon } from "./host";
import { previewStack } from "./preview";
import { projectName, readFacts } from "./sandbox";
import { raise } from "./up";
import { verificationText, verifyMachines } from "./verify";
import type { KnownMachine } from "./verify";

/** Behind make up, down, status and preview. */

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function report(outputs: Readonly<Record<string, unknown>>): Promise<void> {
  const results = await verifyMachines(outputs["machines"] as KnownMachine[], String(outputs["deployKey"]));
  say(verificationText(results));
  if (results.some((each) => each.problem !== undefined)) process.exitCode = 1;
}

async function up(name: string): Promise<void> {
  say(`raising sandbox ${name}: real machines on this host (docs/sandbox.md says what is real and what stands in)`);
  const { progress, outputs } = await raise({ name, say });
  const changed = progress.changed();
  say(changed === 0 ? "no change: everything is as the stack file says" : `${changed} resources made or changed`);
  await report(outputs);
}

async function status(name: string): Promise<void> {
  const facts = readFacts(name);
  if (facts === undefined) throw new SandboxError(`there is no sandbox ${name}: make up SANDBOX=${name} raises it`);
  await findDaemon();
  const { stack } = await openStack(sandboxEngine(name, facts.slot));
  const outputs = await stack.outputs();
  await report(Object.fromEntries(Object.entries(outputs).map(([key, output]) => [key, output.value as unknown])));
}

async function down(name: string): Promise<void> {
  say((await removeSandbox(name, say)) ? `sandbox ${name} is gone (LXD project ${projectName(name)})` : `there is no sandbox ${name}`);
}

async function main(): Promise<void> {
  const [command, name = "sandbox"] = process.argv.slice(2);
  if (!/^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/.test(name))
    throw new SandboxError(`"${name}" is no name for a sandbox: up to 20 lower-case letters, digits and inner hyphens`);
  switch (command) {
    case "up":
      return up(name);
    case "status":
      return status(name);
    case "down":
      return down(name);
    case "preview":
      process.exitCode = await previewStack(name, say);
      return;
    default:
      throw new SandboxError("usage: main.ts up|status|down|preview NAME");
  }
}

main().catch((error: unknown) => {
  const isOperators = error instanceof SandboxError || error instanceof ConfigError || error instanceof RecoveryError;
  process.stderr.write(`${isOperators ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
