import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseDocument } from "yaml";
import { isRecord } from "../shared/json";
import { parsePlatform, platformValues } from "./parse";
import { ConfigError } from "./problems";
import type { Problem } from "./problems";
import type { PlatformConfig } from "./schema";
import { clearSecrets, flattenSecrets, missingSecrets, secretSlots, unknownSecrets } from "./secrets";

/** A stack file read without engine and network. Its secrets stay encrypted; only their presence is known. */
export interface StackFile {
  readonly config: PlatformConfig;
  /** Required secrets that the file lacks: a preview of the plan works without them, `pulumi up` does not. */
  readonly missing: readonly Problem[];
}

export interface ReadOptions {
  /** Replaces the file's `platform:users`. */
  readonly users?: number;
}

function read(path: string): unknown {
  if (!existsSync(path)) {
    throw new ConfigError(basename(path), [
      { path, message: "there is no such file", remedy: "Name a stack with a file Pulumi.<stack>.yaml here, or give --config FILE" },
    ]);
  }
  const document = parseDocument(readFileSync(path, "utf8"));
  if (document.errors.length > 0) {
    throw new ConfigError(
      basename(path),
      document.errors.map((error) => ({
        path: `line ${error.linePos?.[0].line ?? 1}`,
        // The first line only: the rest quotes the file, which may hold a secret.
        message: (error.message.split("\n")[0] ?? "").replace(/ at line \d+.*$/, ""),
        remedy: "Correct the YAML there",
      })),
    );
  }
  try {
    return document.toJS() as unknown;
  } catch {
    // An alias (*name) to nothing: usually a text that begins with a star.
    throw new ConfigError(basename(path), [
      { path: "YAML", message: "a value begins with * and names no anchor", remedy: "Put it in quotes" },
    ]);
  }
}

/**
 * Reads and checks a stack file.
 * @throws ConfigError with every problem at once.
 */
export function readStackFile(path: string, options: ReadOptions = {}): StackFile {
  const file = basename(path);
  const content = read(path);
  const { secrets, ...values } = platformValues(isRecord(content) ? content["config"] : undefined);
  const users = options.users === undefined ? {} : { users: options.users };
  const { config, problems } = parsePlatform({ ...values, ...users });
  const found = flattenSecrets(secrets);
  if (config === undefined) throw new ConfigError(file, [...problems, ...clearSecrets(found)]);
  const slots = secretSlots(config);
  const wrong = [...clearSecrets(found), ...unknownSecrets(found, slots)];
  if (wrong.length > 0) throw new ConfigError(file, wrong);
  return { config, missing: missingSecrets(found, slots) };
}
