import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the receiver lives on every machine; cloud-init puts the first one there, each bundle the current one. */
export const RECEIVER_PATH = "/usr/local/sbin/platform-apply";

/** A file as it is to be on a machine, owned by root unless said otherwise. */
export interface ManagedFile {
  readonly path: string;
  /** Four octal digits. */
  readonly mode: "0644" | "0755" | "0600" | "0440";
  readonly content: string;
}

/** A file for everybody to read unless `mode` says otherwise. */
export function managedFile(path: string, content: string, mode: ManagedFile["mode"] = "0644"): ManagedFile {
  return { path, mode, content };
}

/** Where a service's scripts live on a machine. */
export function scriptPath(service: string, name: string): string {
  return `/usr/local/lib/platform/${service}/${name}`;
}

/** A script of this checkout, from `folder`, as it is to be on a machine. */
export function scriptFile(service: string, folder: string, name: string): ManagedFile {
  return managedFile(scriptPath(service, name), readFileSync(join(folder, name), "utf8"), "0755");
}

/** A script to run once the files are in place. */
export interface Step {
  readonly name: string;
  /** An executable on the machine, best one of the bundle's own files. */
  readonly path: string;
  /** It is ended after this. */
  readonly timeoutSeconds: number;
}

/** Files and steps that belong together; `name` keeps their log and their list of owned files apart from others'. */
export interface Bundle {
  readonly name: string;
  readonly files: readonly ManagedFile[];
  readonly steps: readonly Step[];
  /** Longest it waits for another bundle on the same machine; five minutes where nothing is said. */
  readonly lockSeconds?: number;
}

/** The program on the machine that takes bundles from stdin. */
export function receiver(): ManagedFile {
  return { path: RECEIVER_PATH, mode: "0755", content: readFileSync(join(__dirname, "platform-apply.py"), "utf8") };
}

/** The bundle as the receiver reads it. Same bundle, same text. */
export function renderBundle(bundle: Bundle): string {
  return `${JSON.stringify(bundle)}\n`;
}

/** What the receiver prints. */
export interface BundleResult {
  readonly bundle: string;
  /** Paths written or removed, in order. */
  readonly changed: readonly string[];
  /** What steps reported, by key. */
  readonly report: Readonly<Record<string, string>>;
}

/** @throws SyntaxError when `stdout` is not the receiver's answer. */
export function parseBundleResult(stdout: string): BundleResult {
  return JSON.parse(stdout) as BundleResult;
}
