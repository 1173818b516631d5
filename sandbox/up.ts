import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { takeHandover } from "../src/cli/handover";
import type { KnownMachine } from "../src/cli/handover";
import { INSIDE, pulumiIn, recover, restoreCheckpoint } from "../src/cli/recover";
import { parseHandover, sealStatus, unseal } from "../src/cli/vault";
import { parsePlatform, platformValues } from "../src/config/parse";
import { ConfigError } from "../src/config/problems";
import type { PlatformConfig } from "../src/config/schema";
import { planPlatform } from "../src/plan/platform-plan";
import { serveNames } from "./dns";
import { openStack, operatorIdentity, SANDBOX_STACK_FILE, sandboxEngine } from "./engine";
import { messageOf, SandboxError } from "./errors";
import { prepareHost } from "./host";
import { listInstances, Lxd } from "./lxd";
import { startInstance } from "./plugins/vsphere-machine";
import { parse } from "yaml";
import { Progress } from "./progress";
import { projectName } from "./sandbox";
import type { SandboxFacts } from "./sandbox";

/** Resources the engine works on at once; the stand-in for vCenter has its own, smaller, limit on boots. */
const PARALLEL = 16;

export interface UpOptions {
  readonly name: string;
  readonly stackFile?: string | undefined;
  readonly say: (line: string) => void;
  readonly environment?: Readonly<Record<string, string>>;
  /** The folder of another program than the platform's own. */
  readonly program?: string;
}

/** Machines that a restart of the host stopped are started again, their disks attached. */
async function startStopped(facts: SandboxFacts, say: (line: string) => void): Promise<void> {
  const lxd = new Lxd(facts.socket, projectName(facts.name));
  for (const instance of await listInstances(lxd)) {
    if (instance.status === "Running") continue;
    say(`starting ${instance.name}, which was ${instance.status.toLowerCase()}`);
    await startInstance(lxd, facts, instance);
  }
}

/** The stack file's answers, checked before anything is touched. */
function configOf(stackFile: string): PlatformConfig {
  const { config: values } = parse(stackFile) as { config: unknown };
  const { config, problems } = parsePlatform(platformValues(values));
  if (config === undefined) throw new ConfigError("the sandbox's stack file", problems);
  return config;
}

/** The newest hand-over this sandbox has taken: an older one is of a Vault that is no more. */
function lastHandover(folder: string): string | undefined {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^vault-handover-.*\.json$/.test(name)) : [];
  return files.map((name) => join(folder, name)).sort((left, right) => statSync(right).mtimeMs - statSync(left).mtimeMs)[0];
}

/** A restart of the host has sealed Vault, as a power cut would: the sandbox's operator unseals it. */
async function unsealAsOperator(folder: string, say: (line: string) => void): Promise<void> {
  const file = lastHandover(folder);
  if (file === undefined) return;
  const handover = parseHandover(readFileSync(file, "utf8"), file);
  try {
    if (!(await sealStatus(handover)).sealed) return;
  } catch {
    // Not there, or not up: the run itself says what is wrong with it.
    return;
  }
  say(`${await unseal(handover, operatorIdentity(folder))} (by this sandbox's own operator key)`);
}

/** The operator's first act after Vault's initialisation. */
async function takeHandoverAsOperator(
  folder: string,
  config: PlatformConfig,
  outputs: Readonly<Record<string, unknown>>,
  say: (line: string) => void,
): Promise<void> {
  const file = join(folder, `vault-handover-${String(outputs["vaultInitialisation"])}.json`);
  if (existsSync(file)) return;
  const name = planPlatform(config).machines.find((machine) => machine.roles.includes("vault"))?.name;
  const machine = (outputs["machines"] as KnownMachine[]).find((each) => each.name === name);
  if (machine === undefined) throw new SandboxError("the stack's outputs know no vault machine");
  await takeHandover(machine, String(outputs["deployKey"]), file);
  say(`Vault's hand-over taken to ${file}, for this sandbox's own operator key`);
}

export interface UpResult {
  readonly facts: SandboxFacts;
  readonly progress: Progress;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Raises the sandbox of this name, or brings it to what its stack file now says. */
export async function raise(options: UpOptions): Promise<UpResult> {
  const facts = await prepareHost(options.name, options.stackFile ?? SANDBOX_STACK_FILE, options.say);
  await startStopped(facts, options.say);
  const engine = sandboxEngine(options.name, facts.slot, options.stackFile);
  const config = configOf(engine.stackFile);
  await serveNames(new Lxd(facts.socket, "default"), facts.slot, planPlatform(config));
  if (restoreCheckpoint(`file://${join(engine.folder, "backend")}`, options.name)) {
    options.say("the state was cut off by a kill: the one before it is back");
  }
  const opened = await openStack({
    ...engine,
    environment: options.environment ?? {},
    ...(options.program === undefined ? {} : { program: options.program }),
  });
  const { environment, workFolder } = opened;
  const pulumi = pulumiIn(workFolder, options.name, environment);
  await recover({ pulumi, stack: options.name, backend: environment["PULUMI_BACKEND_URL"] ?? "", config, say: options.say });
  await unsealAsOperator(engine.folder, options.say);
  const progress = new Progress(options.say);
  try {
    await opened.stack.refresh({
      exclude: [...INSIDE],
      parallel: PARALLEL,
      suppressProgress: true,
      suppressOutputs: true,
      color: "never",
    });
    const result = await opened.stack.up({
      parallel: PARALLEL,
      onEvent: progress.onEvent,
      suppressProgress: true,
      color: "never",
    });
    const outputs = Object.fromEntries(Object.entries(result.outputs).map(([key, output]) => [key, output.value as unknown]));
    if (options.program === undefined) await takeHandoverAsOperator(engine.folder, config, outputs, options.say);
    return { facts, progress, outputs };
  } catch (error) {
    throw new SandboxError(progress.messages.length > 0 ? progress.messages.join("\n") : messageOf(error));
  }
}
