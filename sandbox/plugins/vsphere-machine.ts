import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import { findInstance, listInstances, setState } from "../lxd";
import type { Instance, Lxd } from "../lxd";
import { bridgeName, projectName, sandboxFolder } from "../sandbox";
import type { SandboxFacts } from "../sandbox";
import type { Zone } from "../../sizing/tiers";
import { inTurn } from "./boot-slots";
import { faultPoint } from "./fault";
import { diffInputs } from "./plugin-server";
import type { Diff, Properties, ResourceKind } from "./plugin-server";
import { checkResource } from "./vsphere-schema";

/** A VirtualMachine that is an LXD instance: cloned, sized, attached, booted by cloud-init from the same user data. */

export const MACHINE_TOKEN = "vsphere:index/virtualMachine:VirtualMachine";

const run = promisify(execFile);
const BYTES_PER_GB = 1024 ** 3;
/** Seconds a guest gets to shut down before it is ended, as in VirtualMachine.shutdownWaitTimeout but shorter. */
const SHUTDOWN_SECONDS = 20;

interface Disk {
  readonly label: string;
  readonly unitNumber?: number;
  readonly size?: number;
  readonly keepOnRemove?: boolean;
}

interface Guest {
  readonly userData: string;
  readonly networkConfig: string;
  readonly address: string;
  readonly interfaceName: string;
}

function decode(config: Readonly<Record<string, string>>, key: string): string {
  const value = config[key] ?? "";
  return config[`${key}.encoding`] === "base64" ? Buffer.from(value, "base64").toString("utf8") : value;
}

/** What the VMware data source would read from guestinfo, split as LXD's data source wants it. */
function guestOf(inputs: Properties): Guest {
  const config = (inputs["extraConfig"] ?? {}) as Record<string, string>;
  const metadata = parse(decode(config, "guestinfo.metadata")) as {
    network?: { config?: { name: string; subnets: { address: string }[] }[] };
  };
  const [nic] = metadata.network?.config ?? [];
  const address = nic?.subnets[0]?.address.split("/")[0];
  if (nic === undefined || address === undefined) throw new Error("guestinfo.metadata gives no network interface with a static address");
  return { userData: decode(config, "guestinfo.userdata"), networkConfig: stringify(metadata.network), address, interfaceName: nic.name };
}

function disksOf(inputs: Properties): readonly Disk[] {
  return (inputs["disks"] ?? []) as Disk[];
}

/** The first disk is the instance's own root; Linux names the others by unit. */
function deviceOf(disk: Disk): string {
  return `/dev/sd${"abcdefgh"[disk.unitNumber ?? 0] ?? "z"}`;
}

function extraDisks(inputs: Properties): readonly Disk[] {
  return disksOf(inputs).filter((disk) => (disk.unitNumber ?? 0) > 0);
}

class Disks {
  private readonly folder: string;
  constructor(sandbox: string) {
    this.folder = join(sandbox, "disks");
  }

  path(machine: string, disk: Disk): string {
    return join(this.folder, `${machine}-${disk.label}.img`);
  }

  /** Makes the disk's file. One of that name which no machine owns is kept aside, as a datastore would: it may hold data. */
  async make(machine: string, disk: Disk): Promise<string> {
    await this.remove(machine, { ...disk, keepOnRemove: true });
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const path = this.path(machine, disk);
    writeFileSync(path, "", { mode: 0o600 });
    truncateSync(path, (disk.size ?? 0) * BYTES_PER_GB);
    return path;
  }

  /** The loop device of a disk's file, attached when it was not. */
  async attach(path: string): Promise<string> {
    const { stdout: found } = await run("losetup", ["--associated", path, "--output", "NAME", "--noheadings"]);
    const [device] = found.trim().split("\n");
    if (device !== undefined && device !== "") return device;
    return (await run("losetup", ["--find", "--show", path])).stdout.trim();
  }

  async grow(machine: string, disk: Disk): Promise<void> {
    const path = this.path(machine, disk);
    truncateSync(path, (disk.size ?? 0) * BYTES_PER_GB);
    await run("losetup", ["--set-capacity", await this.attach(path)]);
  }

  size(machine: string, disk: Disk): number {
    return statSync(this.path(machine, disk)).size / BYTES_PER_GB;
  }

  /** Detaches; a disk with keepOnRemove stays in the datastore under another name, any other is gone. */
  async remove(machine: string, disk: Disk): Promise<void> {
    const path = this.path(machine, disk);
    if (!existsSync(path)) return;
    const { stdout } = await run("losetup", ["--associated", path, "--output", "NAME", "--noheadings"]);
    for (const device of stdout
      .trim()
      .split("\n")
      .filter((each) => each !== ""))
      await run("losetup", ["--detach", device]);
    if (disk.keepOnRemove !== true) {
      rmSync(path);
      return;
    }
    mkdirSync(join(this.folder, "kept"), { recursive: true, mode: 0o700 });
    renameSync(path, join(this.folder, "kept", `${machine}-${disk.label}-${Date.now()}.img`));
  }
}

/** Attaches again what a restart of the host took away, then starts the machine. */
export async function startInstance(lxd: Lxd, facts: SandboxFacts, instance: Instance): Promise<void> {
  const disks = new Disks(sandboxFolder(facts.name));
  const recorded = JSON.parse(instance.config["user.inputs"] ?? "{}") as Properties;
  const wanted: Record<string, Record<string, string>> = {};
  for (const disk of extraDisks(recorded)) {
    const device = instance.devices[disk.label] ?? {};
    wanted[disk.label] = { ...device, source: await disks.attach(disks.path(instance.name, disk)) };
  }
  await lxd.patch(`/instances/${instance.name}`, { devices: { ...instance.devices, ...wanted } });
  await setState(lxd, instance.name, "start");
}

function limits(inputs: Properties): Record<string, string> {
  return { "limits.cpu": `${Number(inputs["numCpus"] ?? 1)}`, "limits.memory": `${Number(inputs["memory"] ?? 1024)}MiB` };
}

/** Inputs worth remembering with the machine: all but its birth data, which is cleared after first boot. */
function remembered(inputs: Properties): string {
  const { extraConfig: _cleared, ...rest } = inputs;
  return JSON.stringify(rest);
}

function outputs(inputs: Properties, instance: Instance, address: string): Properties {
  return {
    ...inputs,
    uuid: instance.config["user.uuid"] ?? "",
    moid: `vm-${instance.config["user.uuid"]?.slice(0, 8) ?? ""}`,
    powerState: instance.status === "Running" ? "on" : "off",
    defaultIpAddress: address,
  };
}

export function machineKind(lxd: Lxd, facts: SandboxFacts): ResourceKind {
  const folder = sandboxFolder(facts.name);
  const disks = new Disks(folder);

  const byIdentity = async (id: string): Promise<Instance | undefined> => {
    const instances = await listInstances(lxd);
    const name = id.split("/").pop();
    return instances.find((each) => each.config["user.uuid"] === id) ?? instances.find((each) => each.name === name);
  };

  const devices = async (name: string, inputs: Properties, guest: Guest): Promise<Record<string, Record<string, string>>> => {
    const [nic] = (inputs["networkInterfaces"] ?? []) as { networkId: string }[];
    const zone = (nic?.networkId ?? "").replace("network-", "") as Zone;
    const result: Record<string, Record<string, string>> = {
      root: { type: "disk", path: "/", pool: projectName("pool") },
      // What a template carries in mirrored mode.
      artifacts: { type: "disk", source: join(folder, "artifacts"), path: "/var/cache/platform/artifacts", readonly: "true" },
      net: { type: "nic", nictype: "bridged", parent: bridgeName(facts.slot, zone), name: guest.interfaceName },
    };
    for (const disk of extraDisks(inputs)) {
      result[disk.label] = { type: "unix-block", source: await disks.attach(await disks.make(name, disk)), path: deviceOf(disk) };
    }
    return result;
  };

  const create = async (inputs: Properties): Promise<{ id: string; state: Properties }> => {
    const name = String(inputs["name"]);
    const guest = guestOf(inputs);
    faultPoint("before-create", name);
    if ((await findInstance(lxd, name)) !== undefined)
      throw new Error(`could not create the virtual machine: the name "${name}" already exists`);
    const id = randomUUID();
    return inTurn(folder, lxd, name, async () => {
      await lxd.post("/instances", {
        name,
        type: "container",
        profiles: [],
        source: { type: "image", alias: facts.image },
        config: {
          ...limits(inputs),
          // Only a privileged container may mount the data disk, as a machine does.
          "security.privileged": "true",
          "cloud-init.user-data": guest.userData,
          "cloud-init.network-config": guest.networkConfig,
          "user.uuid": id,
          "user.address": guest.address,
          "user.inputs": remembered(inputs),
        },
        devices: await devices(name, inputs, guest),
      });
      faultPoint("half-created", name);
      await setState(lxd, name, "start");
      await redact(name);
      faultPoint("after-create", name);
      const instance = await findInstance(lxd, name);
      if (instance === undefined) throw new Error(`${name} vanished while it was being created`);
      return { id, state: outputs(inputs, instance, guest.address) };
    });
  };

  /** cloud-init asks for this with `cleanup-guestinfo`; the guest has its copy since it started. */
  const redact = async (name: string): Promise<void> => {
    const instance = await findInstance(lxd, name);
    if (instance?.config["cloud-init.user-data"] === undefined) return;
    await lxd.patch(`/instances/${name}`, { config: { "cloud-init.user-data": "" } });
  };

  const update = async (id: string, inputs: Properties, state: Properties): Promise<Properties> => {
    const instance = await byIdentity(id);
    if (instance === undefined) throw new Error(`virtual machine ${String(inputs["name"])} no longer exists; run with --refresh`);
    const { name } = instance;
    const wanted = extraDisks(inputs);
    const before = extraDisks(JSON.parse(instance.config["user.inputs"] ?? "{}") as Properties);
    const kept: Record<string, Record<string, string>> = { ...instance.devices };
    for (const disk of wanted) {
      const known = before.find((each) => each.label === disk.label);
      if (known === undefined)
        kept[disk.label] = { type: "unix-block", source: await disks.attach(await disks.make(name, disk)), path: deviceOf(disk) };
      else if ((disk.size ?? 0) < disks.size(name, known))
        throw new Error(
          `virtual disk "${disk.label}": virtual disks cannot be shrunk (old: ${disks.size(name, known)} new: ${disk.size ?? 0})`,
        );
      else if ((disk.size ?? 0) > disks.size(name, known)) await disks.grow(name, disk);
    }
    const gone = before.filter((each) => !wanted.some((disk) => disk.label === each.label));
    for (const disk of gone) Reflect.deleteProperty(kept, disk.label);
    const config = { ...instance.config, ...limits(inputs), "user.inputs": remembered(inputs) };
    await lxd.put(`/instances/${name}`, { ...instance, config, devices: kept });
    for (const disk of gone) await disks.remove(name, disk);
    if (instance.status !== "Running") await startInstance(lxd, facts, { ...instance, config, devices: kept });
    return { ...state, ...inputs, powerState: "on" };
  };

  return {
    check: (inputs) => checkResource(MACHINE_TOKEN, inputs),
    diff: (inputs, oldInputs): Diff => diffInputs(inputs, oldInputs, ["clone", "resourcePoolId", "replaceTrigger"]),
    create,
    update,
    delete: async (id, state) => {
      const instance = await byIdentity(id);
      if (instance === undefined) return;
      if (instance.status === "Running") await setState(lxd, instance.name, "stop", SHUTDOWN_SECONDS);
      await lxd.remove(`/instances/${instance.name}`);
      for (const disk of extraDisks(state)) await disks.remove(instance.name, disk);
    },
    read: async (id, inputs) => {
      const instance = await byIdentity(id);
      if (instance === undefined) return undefined;
      const recorded = JSON.parse(instance.config["user.inputs"] ?? "{}") as Properties;
      const known = Object.keys(inputs).length === 0 ? recorded : inputs;
      await redact(instance.name);
      const actual = {
        numCpus: Number(instance.config["limits.cpu"]),
        memory: Number.parseInt(instance.config["limits.memory"] ?? "0", 10),
      };
      return {
        id: instance.config["user.uuid"] ?? id,
        inputs: { ...known, ...actual },
        state: outputs({ ...known, ...actual }, instance, instance.config["user.address"] ?? ""),
      };
    },
  };
}
