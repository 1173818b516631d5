import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { platformValues } from "../../../src/config/parse";

const ROOT = join(__dirname, "../../..");

/** Raw `platform:` values of a committed stack file, for tests to break one at a time. */
export function rawStack(name: "prod" | "sandbox"): Record<string, unknown> {
  const content = parse(readFileSync(join(ROOT, `Pulumi.${name}.yaml`), "utf8")) as { config: unknown };
  return { ...platformValues(content.config) };
}

/** A copy of `raw` with the value at `path` replaced; `undefined` removes it. */
export function withValue(raw: Record<string, unknown>, path: readonly (string | number)[], value: unknown): Record<string, unknown> {
  const copy = structuredClone(raw);
  const last = path[path.length - 1] ?? "";
  const parent = path.slice(0, -1).reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, copy);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else parent[last] = value;
  return copy;
}
