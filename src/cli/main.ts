import { existsSync, readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../config/problems";
import { readStackFile } from "../config/stack-file";
import type { StackFile } from "../config/stack-file";
import { planPlatform } from "../plan/platform-plan";
import type { PlatformPlan } from "../plan/platform-plan";
import { checkText } from "./check";
import { FORMATS, planText } from "./plan";
import type { Format } from "./plan";
import { currentBackend, pulumiIn, recover, RecoveryError, restoreCheckpoint } from "./recover";
import { takeHandover, vaultMachine } from "./handover";
import { auditorKubeconfig } from "./auditor";
import { kubeconfigOf, saveKubeconfig } from "./kubeconfig";
import { renderPlatform } from "./render";
import { parseHandover, unseal, VaultError } from "./vault";

/** The `platform` command: what can be known from the stack file alone, without engine and network. */

interface FileOptions {
  readonly stack?: string;
  readonly config?: string;
  readonly users?: number;
}

function users(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 10000) throw new InvalidArgumentError("expected a whole number from 1 to 10000.");
  return value;
}

function auditHours(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 24) throw new InvalidArgumentError("expected a whole number from 1 to 24.");
  return value;
}

function format(text: string): Format {
  const found = FORMATS.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`expected one of ${FORMATS.join(", ")}.`);
  return found;
}

interface Loaded extends StackFile {
  readonly path: string;
  readonly plan: PlatformPlan;
}

function load(options: FileOptions, command: Command): Loaded {
  if ((options.stack === undefined) === (options.config === undefined)) {
    command.error("error: name the stack file: --stack NAME (reads Pulumi.NAME.yaml) or --config FILE", { exitCode: 2 });
  }
  const path = options.config ?? `Pulumi.${options.stack ?? ""}.yaml`;
  const file = readStackFile(path, options.users === undefined ? {} : { users: options.users });
  return { ...file, path, plan: planPlatform(file.config) };
}

function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

function withFile(command: Command): Command {
  return command
    .option("-s, --stack <name>", "read Pulumi.<name>.yaml")
    .option("--config <file>", "read this file instead")
    .option("--users <n>", "as if the file said this many concurrent users", users);
}

function program(): Command {
  const platform = new Command("platform").exitOverride().description("What a stack file asks for, without touching anything");
  withFile(platform.command("check"))
    .description("report every problem of the stack file, or what it will build")
    .action((options: FileOptions, command: Command) => {
      const { config, missing, plan, path } = load(options, command);
      print(checkText(path, config, plan, missing));
    });
  withFile(platform.command("plan"))
    .description("machines, addresses, names, flows and components of the platform")
    .option("--format <format>", FORMATS.join(", "), format, "table")
    .action((options: FileOptions & { format: Format }, command: Command) => {
      const { config, plan } = load(options, command);
      print(planText(config, plan, options.format));
    });
  withFile(platform.command("render"))
    .description("write every file that any machine will receive; secrets as <secret: NAME>")
    .requiredOption("--out <dir>", "an empty or new folder, or one that render wrote before")
    .action((options: FileOptions & { out: string }, command: Command) => {
      const { config, plan } = load(options, command);
      print(renderPlatform(config, plan, options.out));
    });
  platform
    .command("recover")
    .description("clear up after a run of pulumi that was killed: its lock, and what it may or may not have made")
    .requiredOption("-s, --stack <name>", "the stack; reads Pulumi.<name>.yaml")
    .action(async ({ stack }: { stack: string }) => {
      const { config } = readStackFile(`Pulumi.${stack}.yaml`);
      const pulumi = pulumiIn(process.cwd(), stack, process.env);
      const backend = await currentBackend();
      if (restoreCheckpoint(backend, stack)) print("the state was cut off by a kill: the one before it is back");
      await recover({ pulumi, stack, backend, config, say: print });
      print(`stack ${stack} is ready for pulumi up`);
    });
  platform
    .command("handover")
    .description("take the shares of Vault's key, encrypted to its operators, from the machine that made them; works once")
    .requiredOption("-s, --stack <name>", "the stack; reads Pulumi.<name>.yaml")
    .requiredOption("--out <file>", "a new file")
    .action(async ({ stack, out }: { stack: string; out: string }) => {
      const { config } = readStackFile(`Pulumi.${stack}.yaml`);
      const vault = planPlatform(config).machines.find((machine) => machine.roles.includes("vault"));
      const { machine, deployKey } = await vaultMachine(pulumiIn(process.cwd(), stack, process.env), vault?.name ?? "");
      await takeHandover(machine, deployKey, out);
      print(`${out} is the only copy: keep it, and a copy of it, where its operators find it. It is not secret without their keys`);
    });
  platform
    .command("kubeconfig")
    .description("write a kubeconfig of one cluster: the administrator's, or one that reads all but secrets")
    .requiredOption("-s, --stack <name>", "the stack; reads Pulumi.<name>.yaml")
    .requiredOption("-c, --cluster <name>", "apps, middleware or dmz")
    .requiredOption("--out <file>", "a new file; it opens the whole cluster")
    .option("--auditor <hours>", "for somebody who only looks, good for so many hours (1 to 24)", auditHours)
    .action(async ({ stack, cluster, out, auditor }: { stack: string; cluster: string; out: string; auditor?: number }) => {
      const administrator = await kubeconfigOf(pulumiIn(process.cwd(), stack, process.env), cluster);
      if (auditor === undefined) {
        saveKubeconfig(administrator, out);
        print(`${out} opens cluster ${cluster} as its administrator: keep it as you keep a root password`);
      } else {
        const { text, until } = await auditorKubeconfig(administrator, auditor);
        saveKubeconfig(text, out);
        print(`${out} reads cluster ${cluster}, all but its secrets, until ${until}`);
      }
    });
  platform
    .command("unseal")
    .description("unseal Vault after a restart with the shares that are yours")
    .requiredOption("--handover <file>", "what npx platform handover wrote")
    .option("--identity <file>", "your age identity; PGP keys are taken from gpg")
    .action(async ({ handover, identity }: { handover: string; identity?: string }) => {
      if (!existsSync(handover)) throw new VaultError(`there is no file ${handover}`);
      print(await unseal(parseHandover(readFileSync(handover, "utf8"), handover), identity));
    });
  return platform;
}

/** Runs one command line; problems of the stack file end with 1, of the command line with 2. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads the first lines and goes (head) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  try {
    await program().parseAsync([...argv]);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof RecoveryError || error instanceof VaultError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
      return;
    }
    if (error instanceof Error && "exitCode" in error && typeof error.exitCode === "number") {
      // commander has already said what is wrong with the command line.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    throw error;
  }
}
