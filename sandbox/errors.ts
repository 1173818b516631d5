import { inspect } from "node:util";

/** What this host lacks or refuses, with what to do about it; shown without a stack trace. */
export class SandboxError extends Error {
  [inspect.custom](): string {
    return this.message;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
