import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";

/** Beside the program; not in Git. */
const FOLDER = ".trust";

/**
 * Writes a public certificate where a provider that wants a file can read it, and tells where: relative to the program's
 * folder and named by its content, so that the path is the same on every machine.
 */
export function trustFile(certificate: string): string {
  const path = `${FOLDER}/${createHash("sha256").update(certificate).digest("hex").slice(0, 16)}.pem`;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path, certificate);
  return path;
}
