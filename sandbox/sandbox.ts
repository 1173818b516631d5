import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Zone } from "../sizing/tiers";

/** A sandbox by its name: where its state lives, which range of addresses and which bridges are its own. */

/** 198.18.0.0/15 is reserved for tests; each sandbox owns four /24 of it, three of them used. */
const SLOTS = 128;
const NETWORKS_PER_SLOT = 4;

export const ZONE_NAMES: readonly Zone[] = ["lan", "infra", "dmz"];

export interface SandboxFacts {
  readonly name: string;
  /** Which share of the test range is this sandbox's own. */
  readonly slot: number;
  /** LXD's or Incus' local socket. */
  readonly socket: string;
  /** Alias of the base image in the sandbox's LXD project. */
  readonly image: string;
}

export function cacheFolder(): string {
  return process.env["PLATFORM_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "onprem-platform");
}

function stateFolder(): string {
  return process.env["PLATFORM_STATE"] ?? join(process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local/state"), "onprem-platform");
}

/** Everything of one sandbox lives here, outside any checkout, readable by its owner only. */
export function sandboxFolder(name: string): string {
  return join(stateFolder(), name);
}

export function projectName(name: string): string {
  return `platform-${name}`;
}

/** `sb0-lan`: short enough for a network interface's 15 characters whatever the sandbox's name. */
export function bridgeName(slot: number, zone: Zone): string {
  return `sb${slot}-${zone}`;
}

/** Third and second octets of a zone's network: 198.18.0.0/24, .1, .2 for slot 0, .4, .5, .6 for slot 1, ... */
function networkPrefix(slot: number, index: number): string {
  const third = slot * NETWORKS_PER_SLOT + index;
  return `198.${18 + Math.floor(third / 256)}.${third % 256}`;
}

export function gatewayOf(slot: number, zone: Zone): string {
  return `${networkPrefix(slot, ZONE_NAMES.indexOf(zone))}.1`;
}

/** An address of this host that belongs to no zone: who speaks from it is the internet. */
export function outsideAddress(slot: number): string {
  return `${networkPrefix(slot, ZONE_NAMES.length)}.1`;
}

/** Moves the addresses of slot 0, in which `Pulumi.sandbox.yaml` is written, to another slot. */
export function moveToSlot(text: string, slot: number): string {
  return text.replace(
    /\b198\.18\.([012])\.(\d{1,3})\b/g,
    (_, third: string, fourth: string) => `${networkPrefix(slot, Number(third))}.${fourth}`,
  );
}

/** Writes so that nobody but the owner reads it and nobody ever reads half of it. */
export function writePrivate(path: string, content: string): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}

export function readFacts(name: string): SandboxFacts | undefined {
  const path = join(sandboxFolder(name), "sandbox.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as SandboxFacts) : undefined;
}

export function writeFacts(facts: SandboxFacts): void {
  mkdirSync(sandboxFolder(facts.name), { recursive: true, mode: 0o700 });
  writePrivate(join(sandboxFolder(facts.name), "sandbox.json"), `${JSON.stringify(facts, null, 2)}\n`);
}

/** Slots that sandboxes of this machine hold, by reading what LXD knows of bridges. @throws Error when all are taken. */
export function freeSlot(name: string, bridges: readonly string[]): number {
  // The sandbox that `Pulumi.sandbox.yaml` describes keeps its addresses; others start after it.
  const first = name === "sandbox" ? 0 : 1;
  for (let slot = first; slot < SLOTS; slot++) {
    if (!bridges.some((bridge) => bridge.startsWith(`sb${slot}-`))) return slot;
  }
  throw new Error(`all ${SLOTS} ranges of the sandbox's addresses are in use; remove a sandbox with make down SANDBOX=NAME`);
}
