import type { z } from "zod";
import { authorityProblems } from "../pki/given-authority";
import { isRecord } from "../shared/json";
import type { ParsedSections } from "./cross-checks";
import { crossProblems } from "./cross-checks";
import type { Problem } from "./problems";
import { ConfigError } from "./problems";
import { platformSchema } from "./schema";
import type { PlatformConfig } from "./schema";
import { schemaProblems } from "./schema-problems";

/**
 * `pulumi config set platform:users 1000` stores every top-level value as text, and the engine hands objects over as
 * JSON text: read both as what they are.
 */
function readTopLevel(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (key === "users") return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (!/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** The keys that stand directly under `platform:`, `secrets` apart. */
export const SECTION_NAMES = Object.keys(platformSchema.shape) as (keyof PlatformConfig)[];

/** Sections that parse on their own, so that checks between them run even when others are wrong. */
function parseSections(raw: Readonly<Record<string, unknown>>): ParsedSections {
  return Object.fromEntries(
    SECTION_NAMES.map((key) => {
      const result = (platformSchema.shape[key] as z.ZodType).safeParse(raw[key]);
      return [key, result.success ? result.data : undefined];
    }),
  );
}

export interface ParseResult {
  /** Present exactly when there is no problem. */
  readonly config?: PlatformConfig;
  readonly problems: readonly Problem[];
}

/**
 * Reads everything under `platform:` but its secrets.
 * @param values by key, without the `platform:` before it.
 * @param now decides which certificates have expired.
 */
export function parsePlatform(values: Readonly<Record<string, unknown>>, now = new Date()): ParseResult {
  const raw = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, readTopLevel(key, value)]));
  const result = platformSchema.safeParse(raw);
  const sections = parseSections(raw);
  const authority = sections.tls?.source === "provided" ? authorityProblems(sections.tls, now) : [];
  const problems = [
    ...(result.success ? [] : schemaProblems(platformSchema, raw, result.error)),
    ...crossProblems(sections, raw),
    ...authority,
  ];
  return result.success && problems.length === 0 ? { config: result.data, problems } : { problems };
}

/** As `parsePlatform`. @throws ConfigError naming `file` and every problem. */
export function requirePlatform(file: string, values: Readonly<Record<string, unknown>>): PlatformConfig {
  const { config, problems } = parsePlatform(values);
  if (config === undefined) throw new ConfigError(file, problems);
  return config;
}

/** Keeps `platform:` keys of a stack file's or the engine's configuration, without that prefix. */
export function platformValues(config: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(config)) return {};
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) => (key.startsWith("platform:") ? [[key.slice("platform:".length), value]] : [])),
  );
}
