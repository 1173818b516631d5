import { inspect } from "node:util";
import { closest, distance } from "fastest-levenshtein";

/** One thing an operator must mend in the stack file. */
export interface Problem {
  /** Where, as the stack file spells it: `platform:zones.lan.gateway`. */
  readonly path: string;
  /** What is wrong, with the value seen and the limit. */
  readonly message: string;
  /** What to write instead. */
  readonly remedy: string;
}

/** A known name so near to `name` that it was probably meant; undefined when none is. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(name, known);
  return distance(name, best) <= Math.max(2, Math.floor(name.length / 3)) ? best : undefined;
}

const LONGEST_SHOWN = 60;

/** A value for an error text: short, on one line. */
export function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}... (${text.length} characters)`;
}

/** What an operator can mend: all problems of one file, without a stack trace. */
export class ConfigError extends Error {
  /** Pulumi's own mark of an error whose stack trace helps nobody (its `RunError`), without loading Pulumi. */
  public readonly __pulumiRunError = true;

  public constructor(
    public readonly file: string,
    public readonly problems: readonly Problem[],
  ) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super([`${file} has ${count}:`, ...problems.map((each) => `  ${each.path}: ${each.message}. ${each.remedy}.`)].join("\n"));
    this.name = "ConfigError";
  }

  /** Node 20 needs 11 to 23 s to inspect an error whose stack passes through a scoped package; this takes none. */
  public [inspect.custom](): string {
    return this.message;
  }
}
