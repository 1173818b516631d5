import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { PlatformConfig } from "../config/schema";
import { vsphereImportId } from "../machines/vsphere-import";
import type { RecordedInputs } from "../machines/vsphere-import";

/**
 * Clears up after a run that was killed: the engine leaves its lock, and for each creation under way a note that it may
 * or may not have happened. Left alone, the next run would make everything a second time.
 */

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the pulumi command for one stack. */
export type Pulumi = (args: readonly string[]) => Promise<CommandResult>;

/** The pulumi command in a folder and environment, with this stack named. */
export function pulumiIn(folder: string, stack: string, environment: NodeJS.ProcessEnv): Pulumi {
  return (args) =>
    new Promise((resolve) => {
      const all = [...args, "--stack", stack, "--non-interactive"];
      execFile("pulumi", all, { cwd: folder, env: { ...process.env, ...environment }, maxBuffer: 2 ** 29 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, stdout, stderr: stderr === "" && error !== null ? error.message : stderr });
      });
    });
}

/** The backend that the pulumi command is logged in to. */
export function currentBackend(): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("pulumi", ["whoami", "--json"], (error, stdout, stderr) => {
      if (error === null) resolve((JSON.parse(stdout) as { url: string }).url);
      else reject(new RecoveryError(`pulumi is not logged in to a backend: ${stderr.trim() || error.message}`));
    });
  });
}

/**
 * Everything that lives inside the platform itself, as the engine's own patterns name it: it can be looked at only while Vault, the
 * clusters and Rancher are there, which may be for this very run to bring about.
 */
export const INSIDE = ["**vault:**", "**kubernetes:**", "**rancher2:**"];

interface Lock {
  readonly path: string;
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
}

interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly inputs?: RecordedInputs;
}

/** A resource as the state holds it. */
interface Recorded {
  readonly urn: string;
  /** Already removed by a replacement whose other half was still to come. */
  readonly pendingReplacement?: boolean;
  readonly dependencies?: readonly string[];
  readonly propertyDependencies?: Readonly<Record<string, readonly string[]>>;
}

interface State {
  readonly deployment?: { readonly pending_operations?: readonly Pending[]; readonly resources?: readonly Recorded[] };
}

interface Pending {
  readonly type: string;
  readonly resource: Resource;
}

/** An operator's problem, told without a stack trace. */
export class RecoveryError extends Error {}

/** A folder of a backend on disk; undefined for another one, or where it has none. */
function diskFolder(backend: string, name: string): string | undefined {
  if (!backend.startsWith("file://")) return undefined;
  const folder = join(
    backend.replace(/^file:\/\/~?/, (scheme) => (scheme.endsWith("~") ? homedir() : "")),
    ".pulumi",
    name,
  );
  return existsSync(folder) ? folder : undefined;
}

function locksOf(backend: string, stack: string): readonly Lock[] {
  const root = diskFolder(backend, "locks");
  if (root === undefined) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".json") && path.split("/").at(-2) === stack)
    .map((path) => ({ path, ...(JSON.parse(readFileSync(join(root, path), "utf8")) as Omit<Lock, "path">) }));
}

function isWhole(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return true;
  } catch {
    return false;
  }
}

/**
 * Puts the state before the last step back where a killed engine left half a file: a backend on disk writes it in place, and keeps the one
 * before beside it. What that step had under way is a pending operation of it.
 * @returns whether it had to
 * @throws RecoveryError when neither can be read
 */
export function restoreCheckpoint(backend: string, stack: string): boolean {
  const root = diskFolder(backend, "stacks");
  // A run that is alive is just writing it.
  if (root === undefined || livingRun(backend, stack) !== undefined) return false;
  const name = `${stack}.json`;
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => [name, `${name}.bak`].includes(basename(path)));
  // Another project's stack of the same name has files of its own.
  const folders = [...new Set(files.map((path) => dirname(path)))];
  return folders.filter((folder) => restoreIn(join(root, folder), name, () => locksOf(backend, stack).length > 0)).length > 0;
}

function restoreIn(folder: string, name: string, wasKilled: () => boolean): boolean {
  const [file, before] = [join(folder, name), join(folder, `${name}.bak`)];
  // A stack that was removed in order leaves the one before, too, but no lock.
  if (existsSync(file) ? isWhole(file) : !wasKilled()) return false;
  if (!isWhole(before)) {
    throw new RecoveryError(`neither the state ${file} nor the one before it, ${before}, can be read: restore a copy of it`);
  }
  copyFileSync(before, file);
  return true;
}

/** The run that holds the stack's lock and may still be at work: on another host, or as a process of this one. */
export function livingRun(backend: string, stack: string): Omit<Lock, "path"> | undefined {
  return locksOf(backend, stack).find((lock) => lock.hostname !== hostname() || existsSync(`/proc/${lock.pid}`));
}

async function clearDeadLocks(pulumi: Pulumi, backend: string, stack: string, say: (line: string) => void): Promise<void> {
  const alive = livingRun(backend, stack);
  if (alive !== undefined) {
    throw new RecoveryError(
      `stack ${stack} is being changed by ${alive.username} on ${alive.hostname} (process ${alive.pid}): wait for it to end. ` +
        `If that machine is gone, run: pulumi cancel --stack ${stack}`,
    );
  }
  if (locksOf(backend, stack).length === 0) return;
  const { code, stderr } = await pulumi(["cancel", "--yes"]);
  if (code !== 0) throw new RecoveryError(`the lock of a run that was killed could not be cleared: ${stderr.trim()}`);
  say("cleared the lock of a run that was killed");
}

async function mustRun(pulumi: Pulumi, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await pulumi(args);
  if (code !== 0) throw new RecoveryError(`pulumi ${args.slice(0, 2).join(" ")} failed: ${(stderr || stdout).trim().slice(-1000)}`);
}

function nameOf(urn: string): string {
  return urn.split("::").pop() ?? urn;
}

/** Takes over what a killed run made. @returns false when it made nothing. */
async function adopt(pulumi: Pulumi, resource: Resource, id: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "platform-import-"));
  try {
    const file = join(folder, "import.json");
    const provider = resource.provider?.split("::").slice(0, -1).join("::") ?? "";
    writeFileSync(
      file,
      JSON.stringify({
        nameTable: { provider, parent: resource.parent },
        resources: [{ type: resource.type, name: nameOf(resource.urn), id, parent: "parent", provider: "provider" }],
      }),
      { mode: 0o600 },
    );
    const flags = ["--yes", "--skip-preview", "--generate-code=false", "--protect=false", "--suppress-outputs"];
    const { code, stdout, stderr } = await pulumi(["import", "--file", file, ...flags]);
    if (code === 0) {
      // A machine cut off at birth may lack disks or birth data, and nobody has used it yet: it is made again. Other objects are whole.
      if (resource.type.endsWith(":VirtualMachine")) await mustRun(pulumi, ["state", "taint", resource.urn, "--yes"]);
      return true;
    }
    const said = `${stdout}\n${stderr}`;
    if (/does not exist|not found/i.test(said)) return false;
    throw new RecoveryError(
      `${nameOf(resource.urn)} may exist already as ${id}, and could not be taken over:\n${said.trim().slice(-1000)}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The state without these resources, and without anybody's memory of having needed them. */
export function forgetting<Whole extends State>(state: Whole, urns: readonly string[]): Whole {
  const kept = (list: readonly string[] | undefined): readonly string[] | undefined => list?.filter((urn) => !urns.includes(urn));
  const resources = (state.deployment?.resources ?? [])
    .filter((each) => !urns.includes(each.urn))
    .map((each) => ({
      ...each,
      ...(each.dependencies === undefined ? {} : { dependencies: kept(each.dependencies) }),
      ...(each.propertyDependencies === undefined
        ? {}
        : { propertyDependencies: Object.fromEntries(Object.entries(each.propertyDependencies).map(([key, list]) => [key, kept(list)])) }),
    }));
  return { ...state, deployment: { ...state.deployment, resources } };
}

/** Forgets what a replacement, cut off half-way, had removed already: what it made instead may be there, and cannot be taken over beside it. */
async function forgetReplaced(pulumi: Pulumi, state: State, pending: readonly Pending[]): Promise<void> {
  const urns = (state.deployment?.resources ?? [])
    .filter((each) => each.pendingReplacement === true && pending.some(({ resource }) => resource.urn === each.urn))
    .map((each) => each.urn);
  if (urns.length === 0) return;
  const folder = mkdtempSync(join(tmpdir(), "platform-state-"));
  try {
    const file = join(folder, "state.json");
    writeFileSync(file, JSON.stringify(forgetting(state, urns)), { mode: 0o600 });
    await mustRun(pulumi, ["stack", "import", "--file", file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface RecoverOptions {
  readonly pulumi: Pulumi;
  readonly stack: string;
  /** The backend's URL. Locks are read of file:// backends only; another tells of its own when it is used: `pulumi cancel`. */
  readonly backend: string;
  readonly config: PlatformConfig;
  readonly say: (line: string) => void;
}

/**
 * Clears a dead run's lock, takes over what that run had made under its name, forgets what it had not, and says so.
 * A stack that no killed run left behind is not touched.
 * @throws RecoveryError when another run is alive, or something can neither be taken over nor ruled out.
 */
export async function recover(options: RecoverOptions): Promise<void> {
  const { pulumi, stack, backend, config, say } = options;
  await clearDeadLocks(pulumi, backend, stack, say);
  const { code, stdout, stderr } = await pulumi(["stack", "export"]);
  if (code !== 0) throw new RecoveryError(`the stack's state cannot be read: ${stderr.trim()}`);
  const state = JSON.parse(stdout) as State;
  const pending = (state.deployment?.pending_operations ?? []).filter((operation) => operation.type === "creating");
  if (pending.length === 0) return;
  await forgetReplaced(pulumi, state, pending);
  for (const { resource } of pending) {
    const id = vsphereImportId(config, resource.type, resource.inputs ?? {});
    const taken = id !== undefined && (await adopt(pulumi, resource, id));
    say(
      `${nameOf(resource.urn)}: ${taken ? "left by the run that was killed: taken over, and made again if it was cut off at birth" : "not made by the run that was killed, so made now"}`,
    );
  }
  await mustRun(pulumi, [
    "refresh",
    "--yes",
    "--skip-preview",
    "--clear-pending-creates",
    "--suppress-outputs",
    ...INSIDE.flatMap((pattern) => ["--exclude", pattern]),
  ]);
}
