import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "./errors";
import { provideArtifacts } from "./artifacts";
import { baseImage, importImage } from "./image";
import { Lxd } from "./lxd";
import { run } from "./process";
import {
  bridgeName,
  cacheFolder,
  freeSlot,
  gatewayOf,
  outsideAddress,
  projectName,
  readFacts,
  sandboxFolder,
  writeFacts,
  ZONE_NAMES,
} from "./sandbox";
import type { SandboxFacts } from "./sandbox";

/** What a sandbox needs of the host: a running LXD or Incus, a storage pool, a project, three routed bridges, an image. */

const SOCKETS = ["/var/lib/incus/unix.socket", "/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket"];
export const POOL = projectName("pool");
const POOL_GIB = 60;
const NEEDED_GIB = 12;
const BYTES_PER_GIB = 1024 ** 3;
const DAEMON_SECONDS = 60;

function daemonFile(): string {
  return join(cacheFolder(), "lxd-daemon.pid");
}

async function reachable(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  try {
    await new Lxd(socket, "default").get("/projects");
    return true;
  } catch {
    return false;
  }
}

/** Starts LXD where none runs. Without systemd the daemon is ours to start, and `make down` ends it. */
async function startDaemon(): Promise<string> {
  const socket = "/var/lib/lxd/unix.socket";
  if (existsSync("/run/systemd/system")) {
    await run("systemctl", ["start", "lxd"]);
  } else {
    mkdirSync(cacheFolder(), { recursive: true });
    const log = openSync(join(cacheFolder(), "lxd.log"), "a");
    const child = spawn("lxd", ["--group", "lxd"], { detached: true, stdio: ["ignore", log, log] });
    child.unref();
    writeFileSync(daemonFile(), String(child.pid ?? ""));
  }
  const end = Date.now() + DAEMON_SECONDS * 1000;
  while (Date.now() < end) {
    if (await reachable(socket)) return socket;
    await delay(200);
  }
  throw new SandboxError(
    `LXD was started but did not answer at ${socket} within ${DAEMON_SECONDS} s; its log: ${join(cacheFolder(), "lxd.log")}`,
  );
}

/** The socket of a running LXD or Incus, started if need be. */
export async function findDaemon(): Promise<string> {
  for (const socket of SOCKETS) if (await reachable(socket)) return socket;
  return startDaemon();
}

/** Refuses early, with the remedy, where a sandbox cannot work. */
export function checkHost(): void {
  const problems: string[] = [];
  if (process.getuid?.() !== 0) problems.push("it needs root to make bridges, loop devices and containers: run it with sudo");
  if (process.platform !== "linux") problems.push(`it needs Linux, this is ${process.platform}`);
  if (!existsSync("/dev/loop-control")) problems.push("it needs loop devices for data disks: modprobe loop");
  mkdirSync(cacheFolder(), { recursive: true });
  const { bavail, bsize } = statfsSync(cacheFolder());
  const free = (bavail * bsize) / BYTES_PER_GIB;
  if (free < NEEDED_GIB)
    problems.push(
      `it needs ${NEEDED_GIB} GiB of free disk under ${cacheFolder()}, there are ${free.toFixed(1)}: free some, or set PLATFORM_CACHE`,
    );
  if (problems.length > 0) throw new SandboxError(["this host cannot carry a sandbox:", ...problems.map((each) => `  ${each}`)].join("\n"));
}

async function makePool(lxd: Lxd): Promise<void> {
  if ((await lxd.find(`/storage-pools/${POOL}`)) !== undefined) return;
  // On btrfs a clone of the image costs a snapshot, elsewhere a copy of it.
  const isBtrfs = readFileSync("/proc/filesystems", "utf8").includes("btrfs") && existsSync("/usr/bin/btrfs");
  await lxd.post("/storage-pools", { name: POOL, driver: isBtrfs ? "btrfs" : "dir", config: isBtrfs ? { size: `${POOL_GIB}GiB` } : {} });
}

async function makeBridges(lxd: Lxd, slot: number): Promise<void> {
  for (const zone of ZONE_NAMES) {
    const name = bridgeName(slot, zone);
    if ((await lxd.find(`/networks/${name}`)) !== undefined) continue;
    await lxd.post("/networks", {
      name,
      type: "bridge",
      description: "Zone of a platform sandbox",
      config: {
        "ipv4.address": `${gatewayOf(slot, zone)}/24`,
        "ipv4.nat": "false",
        "ipv4.dhcp": "false",
        "ipv4.firewall": "false",
        "ipv6.address": "none",
      },
    });
  }
}

function firewallTable(slot: number): string {
  return `platform_sandbox_${slot}`;
}

/** Routes between the sandbox's own zones and nowhere else: what would leave the host is dropped. */
async function isolate(slot: number): Promise<void> {
  const bridges = ZONE_NAMES.map((zone) => `"${bridgeName(slot, zone)}"`).join(", ");
  const table = firewallTable(slot);
  await run("nft", ["--file", "-"], {
    stdin: [
      `table inet ${table}`,
      `delete table inet ${table}`,
      `table inet ${table} {`,
      "  chain forward {",
      "    type filter hook forward priority filter - 10; policy accept;",
      `    iifname { ${bridges} } oifname != { ${bridges} } drop`,
      `    oifname { ${bridges} } iifname != { ${bridges} } drop`,
      "  }",
      "}",
      "",
    ].join("\n"),
  });
}

/** Refuses when something else on this host already uses the sandbox's addresses. */
async function checkRoutes(slot: number): Promise<void> {
  const own = ZONE_NAMES.map((zone) => bridgeName(slot, zone));
  const routes = JSON.parse(await run("ip", ["-json", "-4", "route", "show"])) as { dst: string; dev: string }[];
  const prefixes = ZONE_NAMES.map((zone) => gatewayOf(slot, zone).replace(/1$/, ""));
  const clash = routes.find((route) => !own.includes(route.dev) && prefixes.some((prefix) => route.dst.startsWith(prefix)));
  if (clash !== undefined)
    throw new SandboxError(
      `${clash.dst} on ${clash.dev} is already in use on this host; a sandbox under another name gets other addresses: make up SANDBOX=other`,
    );
}

/** Kernel settings a sandbox needs: eighteen systems of one user soon reach the usual limits of inotify; zones are routed. */
const KERNEL_SETTINGS: Readonly<Record<string, number>> = {
  "/proc/sys/fs/inotify/max_user_instances": 8192,
  "/proc/sys/fs/inotify/max_user_watches": 1048576,
  "/proc/sys/net/ipv4/ip_forward": 1,
};

function settingsFile(): string {
  return join(cacheFolder(), "kernel-settings.json");
}

/** Raises what is too low, remembering what it was. */
function raiseSettings(): void {
  const before = Object.fromEntries(Object.keys(KERNEL_SETTINGS).map((path) => [path, Number(readFileSync(path, "utf8"))]));
  const low = Object.entries(KERNEL_SETTINGS).filter(([path, wanted]) => (before[path] ?? wanted) < wanted);
  if (low.length > 0 && !existsSync(settingsFile())) writeFileSync(settingsFile(), JSON.stringify(before));
  for (const [path, wanted] of low) writeFileSync(path, String(wanted));
}

/** Gives the kernel its own settings back. */
function restoreSettings(): void {
  if (!existsSync(settingsFile())) return;
  const before = JSON.parse(readFileSync(settingsFile(), "utf8")) as Record<string, number>;
  for (const [path, value] of Object.entries(before)) writeFileSync(path, String(value));
  rmSync(settingsFile());
}

/** Makes what is missing for the sandbox of this name and returns its facts; run again it changes nothing. */
export async function prepareHost(name: string, stackFile: string, say: (line: string) => void): Promise<SandboxFacts> {
  checkHost();
  const socket = await findDaemon();
  const root = new Lxd(socket, "default");
  const known = readFacts(name);
  const bridges = ((await root.get("/networks?recursion=1")) as { name: string }[]).map((each) => each.name);
  const slot = known?.slot ?? freeSlot(name, bridges);
  const image = await baseImage(say);
  const facts: SandboxFacts = { name, slot, socket, image: image.alias };
  await checkRoutes(slot);
  // First of all that is made: `make down` knows by it what to remove, and the folder is for its owner only.
  writeFacts(facts);
  await provideArtifacts(join(sandboxFolder(name), "artifacts"), stackFile, say);
  raiseSettings();
  await makePool(root);
  await makeBridges(root, slot);
  // Gone with the bridge.
  await run("ip", ["address", "replace", `${outsideAddress(slot)}/32`, "dev", bridgeName(slot, "lan")]);
  await isolate(slot);
  const project = projectName(name);
  if ((await root.find(`/projects/${project}`)) === undefined) {
    await root.post("/projects", {
      name: project,
      description: "A sandbox of the platform",
      config: { "features.images": "true", "features.profiles": "true", "features.storage.volumes": "true" },
    });
  }
  await importImage(new Lxd(socket, project), image);
  return facts;
}

/** Removes what `prepareHost` made for this sandbox, and what only it still used. */
export async function releaseHost(facts: SandboxFacts): Promise<void> {
  const root = new Lxd(facts.socket, "default");
  const own = new Lxd(facts.socket, projectName(facts.name));
  const images =
    (await root.find(`/projects/${projectName(facts.name)}`)) === undefined
      ? []
      : ((await own.get("/images?recursion=1")) as { fingerprint: string }[]);
  for (const image of images) await own.remove(`/images/${image.fingerprint}`);
  await root.remove(`/projects/${projectName(facts.name)}`);
  for (const zone of ZONE_NAMES) await root.remove(`/networks/${bridgeName(facts.slot, zone)}`);
  await run("nft", ["--file", "-"], { stdin: `table inet ${firewallTable(facts.slot)}\ndelete table inet ${firewallTable(facts.slot)}\n` });
  rmSync(sandboxFolder(facts.name), { recursive: true, force: true });

  const projects = (await root.get("/projects?recursion=1")) as { name: string }[];
  if (projects.some((each) => each.name.startsWith("platform-"))) return;
  await root.remove(`/storage-pools/${POOL}`);
  restoreSettings();
  if (!existsSync(daemonFile())) return;
  const pid = Number(readFileSync(daemonFile(), "utf8"));
  const isOurs = existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "lxd";
  if (isOurs) {
    process.kill(pid, "SIGPWR");
    // Whoever comes next must not find a daemon that is on its way out.
    const end = Date.now() + DAEMON_SECONDS * 1000;
    while (existsSync(`/proc/${pid}`) && Date.now() < end) await delay(200);
  }
  rmSync(daemonFile());
}
