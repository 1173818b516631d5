import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { readStackFile } from "../src/config/stack-file";
import { openStack } from "./engine";
import { SandboxError } from "./errors";
import { sandboxFolder } from "./sandbox";

const CHECKOUT = dirname(__dirname);

function show(args: readonly string[], cwd: string, environment: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("pulumi", [...args], { cwd, env: { ...process.env, ...environment }, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => {
      resolve(code ?? 1);
    });
  });
}

/**
 * The engine's preview of a stack. One that was initialised (its file has a salt or a secrets provider) is previewed as
 * it is, with the operator's own backend and plugins. One that never was is previewed from nothing, with a state to
 * throw away, stand-in plugins and made-up secrets.
 */
export async function previewStack(stack: string, say: (line: string) => void): Promise<number> {
  const path = join(CHECKOUT, `Pulumi.${stack}.yaml`);
  if (!existsSync(path)) throw new SandboxError(`there is no Pulumi.${stack}.yaml here`);
  readStackFile(path);
  const text = readFileSync(path, "utf8");
  const content = parse(text) as Record<string, unknown>;
  if ("encryptionsalt" in content || "secretsprovider" in content)
    return show(["preview", "--stack", stack, "--non-interactive"], CHECKOUT, {});
  say(`Pulumi.${stack}.yaml was never initialised: a preview from nothing, with stand-in plugins and made-up secrets`);
  const { environment, workFolder } = await openStack({ folder: sandboxFolder(`preview-${stack}`), stack, stackFile: text });
  return show(["preview", "--stack", stack, "--non-interactive", "--color", "never"], workFolder, environment);
}
