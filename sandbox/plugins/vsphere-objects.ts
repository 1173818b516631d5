import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writePrivate } from "../sandbox";
import { diffInputs } from "./plugin-server";
import type { Properties, ResourceKind } from "./plugin-server";
import { checkResource, replacingInputs } from "./vsphere-schema";

/** Folders, tags and rules: records that vCenter would keep, kept as files of the sandbox. */

interface StoredObject {
  readonly id: string;
  readonly name: string;
  readonly inputs: Properties;
}

class ObjectStore {
  constructor(private readonly folder: string) {}

  private list(): readonly StoredObject[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => JSON.parse(readFileSync(join(this.folder, name), "utf8")) as StoredObject);
  }

  find(idOrName: string): StoredObject | undefined {
    return this.list().find((each) => each.id === idOrName || each.name === idOrName);
  }

  save(object: StoredObject): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writePrivate(join(this.folder, `${object.id}.json`), JSON.stringify(object));
  }

  remove(id: string): void {
    rmSync(join(this.folder, `${id}.json`), { force: true });
  }
}

/** What an import calls an object: its inventory path, its name, or JSON that holds the name. */
function importedName(id: string): string {
  if (!id.startsWith("{")) return id.split("/").pop() ?? id;
  const parts = JSON.parse(id) as Record<string, string>;
  return parts["tag_name"] ?? parts["name"] ?? id;
}

/** A kind of record whose name is unique, as vCenter has it. `nameKey` is the input that names it. */
export function objectKind(token: string, sandboxFolder: string, nameKey: "name" | "path"): ResourceKind {
  const type = token.split(":").pop() ?? token;
  const store = new ObjectStore(join(sandboxFolder, "vsphere", type));
  return {
    check: (inputs) => checkResource(token, inputs),
    diff: (inputs, oldInputs) => diffInputs(inputs, oldInputs, replacingInputs(token)),
    create: (inputs) => {
      const name = String(inputs[nameKey]);
      if (store.find(name) !== undefined) throw new Error(`could not create ${type}: the name "${name}" already exists`);
      const object = { id: randomUUID(), name, inputs };
      store.save(object);
      return Promise.resolve({ id: object.id, state: inputs });
    },
    update: (id, inputs) => {
      store.save({ id, name: String(inputs[nameKey]), inputs });
      return Promise.resolve(inputs);
    },
    delete: (id) => {
      store.remove(id);
      return Promise.resolve();
    },
    read: (id) => {
      const found = store.find(id) ?? store.find(importedName(id));
      return Promise.resolve(found === undefined ? undefined : { id: found.id, inputs: found.inputs, state: found.inputs });
    },
  };
}
