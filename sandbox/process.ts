import { spawn } from "node:child_process";
import { SandboxError } from "./errors";

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
  /** Ended after this; 600 s when not given. */
  readonly timeoutSeconds?: number;
  /** Show what it prints to stderr as it comes. */
  readonly showErrors?: boolean;
}

const DEFAULT_SECONDS = 600;

/** Runs a program to its end and returns what it printed. @throws SandboxError with its last lines when it fails. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const seconds = options.timeoutSeconds ?? DEFAULT_SECONDS;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: seconds * 1000,
      killSignal: "SIGKILL",
    });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      errors.push(chunk);
      if (options.showErrors === true) process.stderr.write(chunk);
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.stdin ?? "");
    child.on("error", (error) => {
      reject(new SandboxError(`${program} cannot be run: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      if (code === 0) {
        resolve(Buffer.concat(output).toString());
        return;
      }
      const last = Buffer.concat([...errors, ...output])
        .toString()
        .trimEnd()
        .split("\n")
        .slice(-15)
        .join("\n  ");
      const how = signal === null ? `ended with code ${code ?? "none"}` : `was ended by ${signal} (limit ${seconds} s)`;
      reject(new SandboxError(`${program} ${args.slice(0, 3).join(" ")} ${how}:\n  ${last}`));
    });
  });
}
