import { join } from "node:path";
import { livingRun } from "../src/cli/recover";
import { SandboxError } from "./errors";
import { findDaemon, releaseHost } from "./host";
import { listInstances, Lxd, setState } from "./lxd";
import { run } from "./process";
import { projectName, readFacts, sandboxFolder } from "./sandbox";

/** Detaches every loop device that backs a disk of this sandbox, also of one whose file is already gone. */
async function detachDisks(name: string): Promise<void> {
  const folder = join(sandboxFolder(name), "disks");
  const lines = (await run("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"])).trim().split("\n");
  for (const line of lines) {
    const [device = "", file = ""] = line.trim().split(/\s+/);
    if (file.startsWith(`${folder}/`)) await run("losetup", ["--detach", device]);
  }
}

/**
 * Removes the sandbox of this name, whatever state it is in: machines, disks, bridges, state and keys. Nothing else.
 * @returns false when there is none.
 * @throws SandboxError while a run is at work on it.
 */
export async function removeSandbox(name: string, say: (line: string) => void): Promise<boolean> {
  const facts = readFacts(name);
  if (facts === undefined) return false;
  const alive = livingRun(`file://${join(sandboxFolder(name), "backend")}`, name);
  if (alive !== undefined) {
    // What it is about to make would outlive this.
    throw new SandboxError(
      `sandbox ${name} is being changed by ${alive.username} on ${alive.hostname} (process ${alive.pid}): wait for it, or end it, then run make down again`,
    );
  }
  const current = { ...facts, socket: await findDaemon() };
  const lxd = new Lxd(current.socket, projectName(name));
  const root = new Lxd(current.socket, "default");
  if ((await root.find(`/projects/${projectName(name)}`)) !== undefined) {
    const instances = await listInstances(lxd);
    say(`removing ${instances.length} machines`);
    for (const instance of instances) {
      if (instance.status === "Running") await setState(lxd, instance.name, "stop", 0);
      await lxd.remove(`/instances/${instance.name}`);
    }
  }
  await detachDisks(name);
  await releaseHost(current);
  return true;
}
