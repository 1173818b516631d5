import { z } from "zod";
import { nearest, shown } from "./problems";
import type { Problem } from "./problems";

/** Turns zod's issues into problems an operator can act on, from the descriptions in `schema.ts`. */

type Path = readonly PropertyKey[];

interface Described {
  readonly description: string;
  readonly example?: unknown;
}

/** `platform:zones.lan.dns[0]`. */
export function pathText(path: Path): string {
  const [first = "", ...rest] = path.map((part) => (typeof part === "symbol" ? part.toString() : part));
  return `platform:${first}${rest.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("")}`;
}

function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    raw,
  );
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap());
  return schema;
}

function describedBy(schema: z.core.$ZodType): Described | undefined {
  const meta = z.globalRegistry.get(schema) ?? z.globalRegistry.get(unwrap(schema));
  if (meta?.description === undefined) return undefined;
  const { examples } = meta as { examples?: readonly unknown[] };
  return { description: meta.description, example: examples?.[0] };
}

function childOf(schema: z.core.$ZodType, key: PropertyKey, value: unknown): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) return inner.shape[String(key)] as z.core.$ZodType | undefined;
  if (inner instanceof z.ZodArray) return inner.element;
  if (inner instanceof z.ZodRecord) return inner.valueType;
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const options = inner.options.filter((option) => option instanceof z.ZodObject);
    const tag = inner.def.discriminator;
    const chosen = options.find((option) => {
      const literal = option.shape[tag] as z.ZodLiteral | undefined;
      return literal?.safeParse(valueAt(value, [tag])).success === true;
    });
    return (chosen ?? options[0])?.shape[String(key)] as z.core.$ZodType | undefined;
  }
  return undefined;
}

function walk(root: z.core.$ZodType, raw: unknown, path: Path): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>(
    (schema, key, depth) => (schema === undefined ? undefined : childOf(schema, key, valueAt(raw, path.slice(0, depth)))),
    root,
  );
}

function knownKeys(schema: z.core.$ZodType | undefined, value: unknown): readonly string[] {
  if (schema === undefined) return [];
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) return Object.keys(inner.shape);
  if (inner instanceof z.ZodRecord && inner.keyType instanceof z.ZodEnum) return inner.keyType.options.map(String);
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const tag = inner.def.discriminator;
    const chosen = inner.options.find(
      (option) => option instanceof z.ZodObject && (option.shape[tag] as z.ZodLiteral).safeParse(valueAt(value, [tag])).success,
    );
    return chosen instanceof z.ZodObject ? Object.keys(chosen.shape) : [tag];
  }
  return [];
}

function unknownKey(parent: Path, key: string, known: readonly string[]): Problem {
  const meant = nearest(key, known);
  return {
    path: pathText([...parent, key]),
    message: `unknown key "${key}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`.replace(/\?$/, ""),
    remedy: meant === undefined ? `Remove it, or write one of ${known.join(", ")}` : `Write "${meant}", or remove it`,
  };
}

function wayOut(described: Described): string {
  return described.example === undefined ? "Write one of these" : `Write for example ${shown(described.example).replace(/^"(.*)"$/, "$1")}`;
}

function misplaced(schema: z.core.$ZodType, raw: unknown, path: Path): Problem {
  const value = valueAt(raw, path);
  const found = walk(schema, raw, path);
  const described = (found === undefined ? undefined : describedBy(found)) ?? {
    description: `an object with the keys ${knownKeys(found, value).join(", ")}`,
  };
  return {
    path: pathText(path),
    message:
      value === undefined ? `is missing; expected ${described.description}` : `got ${shown(value)}, expected ${described.description}`,
    remedy: wayOut(described),
  };
}

/** The key of a record itself is wrong; the description is that of the record's keys. */
function wrongName(schema: z.core.$ZodType, raw: unknown, path: Path): Problem {
  const record = walk(schema, raw, path.slice(0, -1));
  const inner = record === undefined ? undefined : unwrap(record);
  const described = inner instanceof z.ZodRecord ? describedBy(inner.keyType) : undefined;
  return {
    path: pathText(path),
    message: `the name ${shown(path[path.length - 1])} is not ${described?.description ?? "allowed"}`,
    remedy: described === undefined ? "Write another" : wayOut(described),
  };
}

/** Every problem zod found in `raw`, in the order of the stack file's paths. */
export function schemaProblems(schema: z.core.$ZodType, raw: unknown, error: z.ZodError): readonly Problem[] {
  return error.issues.flatMap((issue): readonly Problem[] => {
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(walk(schema, raw, issue.path), valueAt(raw, issue.path));
      return issue.keys.map((key) => unknownKey(issue.path, key, known));
    }
    if (issue.code === "invalid_key") return [wrongName(schema, raw, issue.path)];
    if (issue.code === "invalid_union") {
      const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      const value = valueAt(raw, issue.path);
      return [
        {
          path: pathText(issue.path),
          message: `${value === undefined ? "is missing" : `got ${shown(value)}`}; expected one of ${options.join(", ")}`,
          remedy: `Write for example ${options[0] ?? "another"}`,
        },
      ];
    }
    return [misplaced(schema, raw, issue.path)];
  });
}
