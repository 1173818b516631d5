import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LocalWorkspace, PulumiCommand, Stack } from "@pulumi/pulumi/automation";
import { parse } from "yaml";
import { toYaml } from "../src/shared/yaml";
import { readStackFile } from "../src/config/stack-file";
import { isRecord } from "../src/shared/json";
import { installPlugins, languageHost } from "./plugin-install";
import { moveToSlot, sandboxFolder, writePrivate } from "./sandbox";
import { run } from "./process";

/** The real engine for one stack: the pinned CLI, a state of its own, and plugins official or standing in. */

const CHECKOUT = dirname(__dirname);

export interface EngineOptions {
  /** Folder of state, keys and configuration; made when missing, for its owner only. */
  readonly folder: string;
  readonly stack: string;
  /** The stack file's text, without what Pulumi itself adds to it. */
  readonly stackFile: string;
  /** The sandbox whose machines the vsphere stand-in makes; none for a stack that is only previewed. */
  readonly sandbox?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The folder of another program than the platform's own. */
  readonly program?: string;
}

/** The folder whose bin/pulumi is the pinned CLI, made by tools/pulumi.sh where it was missing. */
export async function pulumiRoot(): Promise<string> {
  return (await run(join(CHECKOUT, "tools/pulumi.sh"), [], { timeoutSeconds: 1800, showErrors: true })).trim();
}

/** Keeps what Pulumi added to the stack file (salt, encrypted secrets) when its answers are written anew. */
function mergeStackFile(path: string, text: string): string {
  const fresh = parse(text) as Record<string, unknown>;
  const known = existsSync(path) ? (parse(readFileSync(path, "utf8")) as Record<string, unknown>) : {};
  const secrets = isRecord(known["config"]) ? known["config"]["platform:secrets"] : undefined;
  const config = { ...(fresh["config"] as Record<string, unknown>), ...(secrets === undefined ? {} : { "platform:secrets": secrets }) };
  const salt = known["encryptionsalt"];
  return toYaml({ ...(salt === undefined ? {} : { encryptionsalt: salt }), ...fresh, config });
}

/** The environment in which the engine works on this stack. */
export async function engineEnvironment(options: EngineOptions, root: string): Promise<Record<string, string>> {
  const home = join(options.folder, "pulumi");
  mkdirSync(join(options.folder, "backend"), { recursive: true, mode: 0o700 });
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const [host] = await Promise.all([languageHost(root, home), installPlugins(home)]);
  const passphrase = join(options.folder, "passphrase");
  if (!existsSync(passphrase)) writePrivate(passphrase, randomBytes(32).toString("base64url"));
  return {
    PATH: [host, join(root, "bin"), process.env["PATH"] ?? ""].join(":"),
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${join(options.folder, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: process.env["SANDBOX_PLUGINS"] === "official" ? "false" : "true",
    PULUMI_ERROR_OUTPUT_STRING: "true",
    ...(options.sandbox === undefined ? {} : { SANDBOX_NAME: options.sandbox }),
    ...options.environment,
  };
}

export interface OpenedStack {
  readonly stack: Stack;
  readonly environment: Record<string, string>;
  /** Where `pulumi` commands for this stack run. */
  readonly workFolder: string;
}

/** Opens the stack, with its answers written from `stackFile` and a generated password where it has none. */
export async function openStack(options: EngineOptions): Promise<OpenedStack> {
  const root = await pulumiRoot();
  const environment = await engineEnvironment(options, root);
  const workFolder = join(options.folder, "work");
  mkdirSync(workFolder, { recursive: true, mode: 0o700 });
  const project = parse(readFileSync(join(CHECKOUT, "Pulumi.yaml"), "utf8")) as Record<string, unknown>;
  // The program stays in the checkout; only its state and answers live here.
  writeFileSync(join(workFolder, "Pulumi.yaml"), toYaml({ ...project, main: options.program ?? CHECKOUT }));
  const stackPath = join(workFolder, `Pulumi.${options.stack}.yaml`);
  writePrivate(stackPath, mergeStackFile(stackPath, options.stackFile));
  const pulumiCommand = await PulumiCommand.get({ root });
  const workspace = await LocalWorkspace.create({
    workDir: workFolder,
    pulumiCommand,
    envVars: environment,
    pulumiHome: environment["PULUMI_HOME"] ?? "",
  });
  const stack = await Stack.createOrSelect(options.stack, workspace);
  // Passwords of services that stand in: made up once, encrypted like real ones.
  for (const { path } of readStackFile(stackPath).missing) {
    await stack.setConfig(path, { value: randomBytes(18).toString("base64url"), secret: true }, true);
  }
  return { stack, environment, workFolder };
}

/** The sandbox plays its own operator: the age key that Vault's shares are encrypted to, made once. */
export function operatorIdentity(folder: string): string {
  const path = join(folder, "operator.age");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(path)) writePrivate(path, execFileSync("age-keygen", { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  return path;
}

const AGE_RECIPIENT = /age1[a-z0-9]{58}/;

/** A sandbox's own stack file: the checkout's, moved to the sandbox's addresses and to its own operator. */
function sandboxStackFile(path: string, slot: number, folder: string): string {
  const [operator = ""] = AGE_RECIPIENT.exec(readFileSync(operatorIdentity(folder), "utf8")) ?? [];
  return moveToSlot(readFileSync(path, "utf8"), slot).replace(AGE_RECIPIENT, operator);
}

/** The embedded environment's answers. */
export const SANDBOX_STACK_FILE = join(CHECKOUT, "Pulumi.sandbox.yaml");

/** Engine options of a sandbox. */
export function sandboxEngine(name: string, slot: number, path = SANDBOX_STACK_FILE): EngineOptions {
  const folder = sandboxFolder(name);
  return { folder, stack: name, stackFile: sandboxStackFile(path, slot, folder), sandbox: name };
}
