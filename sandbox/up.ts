import { pulumiIn, recover } from "../src/cli/recover";
import { parsePlatform, platformValues } from "../src/config/parse";
import { ConfigError } from "../src/config/problems";
import type { PlatformConfig } from "../src/config/schema";
import { openStack, sandboxEngine } from "./engine";
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

export interface UpResult {
  readonly facts: SandboxFacts;
  readonly progress: Progress;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Raises the sandbox of this name, or brings it to what its stack file now says. */
export async function raise(options: UpOptions): Promise<UpResult> {
  const facts = await prepareHost(options.name, options.say);
  await startStopped(facts, options.say);
  const engine = sandboxEngine(options.name, facts.slot, options.stackFile);
  const config = configOf(engine.stackFile);
  const opened = await openStack({ ...engine, environment: options.environment ?? {} });
  const { environment, workFolder } = opened;
  const pulumi = pulumiIn(workFolder, options.name, environment);
  await recover({ pulumi, stack: options.name, backend: environment["PULUMI_BACKEND_URL"] ?? "", config, say: options.say });
  const progress = new Progress(options.say);
  try {
    const result = await opened.stack.up({
      refresh: true,
      parallel: PARALLEL,
      onEvent: progress.onEvent,
      suppressProgress: true,
      color: "never",
    });
    return {
      facts,
      progress,
      outputs: Object.fromEntries(Object.entries(result.outputs).map(([key, output]) => [key, output.value as unknown])),
    };
  } catch (error) {
    throw new SandboxError(progress.messages.length > 0 ? progress.messages.join("\n") : messageOf(error));
  }
}
