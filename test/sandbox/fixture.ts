import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { openStack, sandboxEngine } from "../../sandbox/engine";
import type { OpenedStack } from "../../sandbox/engine";
import type { Connection } from "../../sandbox/plugins/ssh";
import { sandboxFolder } from "../../sandbox/sandbox";
import { raise } from "../../sandbox/up";
import type { UpResult } from "../../sandbox/up";
import { verifyMachines } from "../../sandbox/verify";
import type { KnownMachine } from "../../sandbox/verify";
import { DEPLOY_USER } from "../../src/machines/cloud-init";
import { MachineAccess } from "./machine-access";

/** The tests' own sandbox: its name and addresses meet no other. The files of this folder share it, in their order. */
export const NAME = "test";

/** How many resources the sandbox's stack has. */
export const RESOURCES = 291;

const STACK_FILE = join(dirname(dirname(__dirname)), "Pulumi.sandbox.yaml");

/** The raised sandbox as tests see it. */
export class RaisedSandbox {
  public readonly access: MachineAccess;
  public readonly machines: readonly KnownMachine[];
  public readonly names: readonly string[];
  private readonly privateKey: string;

  constructor(public readonly result: UpResult) {
    this.access = new MachineAccess(result.facts);
    this.machines = result.outputs["machines"] as KnownMachine[];
    this.names = this.machines.map((each) => each.name).sort();
    this.privateKey = String(result.outputs["deployKey"]);
  }

  machine(name: string): KnownMachine {
    const found = this.machines.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no machine ${name}`);
    return found;
  }

  connection(name: string): Connection {
    const { address, hostKey } = this.machine(name);
    return { host: address, user: DEPLOY_USER, privateKey: this.privateKey, hostKey };
  }

  /** What verification finds wrong on any machine now; empty when all is well. */
  async problems(): Promise<readonly string[]> {
    return (await verifyMachines(this.machines, this.privateKey)).flatMap((each) => each.problem ?? []);
  }

  open(): Promise<OpenedStack> {
    return openStack(sandboxEngine(NAME, this.result.facts.slot));
  }

  /** The pulumi command on this stack. */
  async pulumi(...args: readonly string[]): Promise<string> {
    const { environment, workFolder } = await this.open();
    return execFileSync("pulumi", [...args, "--stack", NAME], {
      cwd: workFolder,
      env: { ...process.env, ...environment },
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
  }

  /** Every password that the program has made, by its resource's name. */
  async passwords(): Promise<Readonly<Record<string, string>>> {
    const state = JSON.parse(await this.pulumi("stack", "export", "--show-secrets")) as {
      deployment: { resources: { urn: string; type: string; outputs?: { result?: string | { plaintext: string } } }[] };
    };
    return Object.fromEntries(
      state.deployment.resources
        .filter((each) => each.type === "random:index/randomPassword:RandomPassword")
        .map(({ urn, outputs }) => {
          const result = outputs?.result ?? "";
          return [urn.split("::").at(-1) ?? "", typeof result === "string" ? result : (JSON.parse(result.plaintext) as string)];
        }),
    );
  }

  folder(): string {
    return sandboxFolder(NAME);
  }
}

export interface RaiseOptions {
  readonly stackFile?: string;
  /** `<point>:<machine>`, where the engine is killed. */
  readonly fault?: string;
}

/** Lines that any raise has shown. */
export const shownLines: string[] = [];

export function raiseTest(options: RaiseOptions = {}): Promise<UpResult> {
  return raise({
    name: NAME,
    say: (line) => shownLines.push(line),
    stackFile: options.stackFile,
    environment: options.fault === undefined ? {} : { SANDBOX_FAULT: options.fault },
  });
}

/** The tests' sandbox, raised if an earlier file has not. */
export async function attach(): Promise<RaisedSandbox> {
  return new RaisedSandbox(await raiseTest());
}

/** A copy of the sandbox's stack file with texts replaced. */
export function edited(replacements: Readonly<Record<string, string>>): string {
  const path = join(mkdtempSync(join(tmpdir(), "edit-")), "Pulumi.sandbox.yaml");
  const text = Object.entries(replacements).reduce(
    (before, [find, replacement]) => {
      expect(before).toContain(find);
      return before.replace(find, replacement);
    },
    readFileSync(STACK_FILE, "utf8"),
  );
  writeFileSync(path, text);
  return path;
}

/** Asks again, a few times a second, until it holds. @throws after two minutes, saying for what it waited. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited two minutes in vain: ${what}`);
    await delay(200);
  }
}

/** Names of resources that a run made, changed or removed. */
export function touched(result: UpResult): readonly string[] {
  const changing = result.progress.steps.filter((step) => !["same", "read", "refresh"].includes(step.operation));
  return [...new Set(changing.map((step) => step.name))].sort();
}
