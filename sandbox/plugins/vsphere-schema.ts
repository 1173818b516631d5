import { isUnknown } from "./plugin-server";
import type { Failure, Properties } from "./plugin-server";
import schema from "./vsphere-schema.json";

/** The official provider's argument names and types, as kept in vsphere-schema.json: unknown and misshapen inputs are refused. */

interface PropertyType {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: PropertyType;
  readonly additionalProperties?: PropertyType;
  readonly willReplaceOnChanges?: boolean;
}

interface Shape {
  readonly properties: Readonly<Record<string, PropertyType>>;
  readonly required: readonly string[];
}

interface Schema {
  readonly provider: Readonly<Record<string, PropertyType>>;
  readonly resources: Readonly<Record<string, { inputs: Record<string, PropertyType>; requiredInputs: string[] }>>;
  readonly functions: Readonly<Record<string, { inputs: Record<string, PropertyType>; required: string[] }>>;
  readonly types: Readonly<Record<string, Shape>>;
}

const SCHEMA = schema as unknown as Schema;

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (Number.isInteger(value)) return "integer";
  return value === null ? "null" : typeof value;
}

function checkType(path: string, type: PropertyType, value: unknown): readonly Failure[] {
  if (isUnknown(value) || value === undefined || value === null) return [];
  if (type.$ref !== undefined) {
    const shape = SCHEMA.types[type.$ref.replace("#/types/", "")];
    return shape === undefined ? [] : checkShape(path, shape, value);
  }
  const found = kindOf(value);
  const fits = found === type.type || (type.type === "number" && found === "integer");
  if (!fits) return [{ property: path, reason: `expected ${type.type ?? "another type"}, got ${found}` }];
  if (Array.isArray(value) && type.items !== undefined) {
    const { items } = type;
    return value.flatMap((each, index) => checkType(`${path}[${index}]`, items, each));
  }
  return [];
}

function checkShape(path: string, shape: Shape, value: unknown): readonly Failure[] {
  if (typeof value !== "object" || value === null) return [{ property: path, reason: "expected an object" }];
  const given = Object.entries(value).filter(([key]) => !key.startsWith("__"));
  const at = (key: string): string => (path === "" ? key : `${path}.${key}`);
  return [
    ...given.flatMap(([key, each]) => {
      const type = shape.properties[key];
      return type === undefined ? [{ property: at(key), reason: `unexpected argument "${key}"` }] : checkType(at(key), type, each);
    }),
    ...shape.required
      .filter((key) => !given.some(([name, each]) => name === key && each !== undefined && each !== null))
      .map((key) => ({ property: at(key), reason: `missing required argument "${key}"` })),
  ];
}

export function checkResource(token: string, inputs: Properties): readonly Failure[] {
  const resource = SCHEMA.resources[token];
  if (resource === undefined) return [{ property: "", reason: `the official provider has no resource ${token}` }];
  return checkShape("", { properties: resource.inputs, required: resource.requiredInputs }, inputs);
}

export function checkFunction(token: string, args: Properties): readonly Failure[] {
  const shape = SCHEMA.functions[token];
  return shape === undefined
    ? [{ property: "", reason: `the official provider has no function ${token}` }]
    : checkShape("", { properties: shape.inputs, required: shape.required }, args);
}

export function checkProvider(config: Properties): readonly Failure[] {
  const given = Object.fromEntries(Object.entries(config).filter(([key]) => key !== "version"));
  const types = Object.fromEntries(Object.keys(SCHEMA.provider).map((key) => [key, { type: "string" }]));
  return checkShape("", { properties: types, required: ["user", "password"] }, given);
}

/** Inputs whose change means another resource. */
export function replacingInputs(token: string): readonly string[] {
  return Object.entries(SCHEMA.resources[token]?.inputs ?? {}).flatMap(([key, type]) => (type.willReplaceOnChanges === true ? [key] : []));
}
