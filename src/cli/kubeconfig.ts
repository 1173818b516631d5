import { writeFileSync } from "node:fs";
import { ConfigError } from "../config/problems";
import { isRecord } from "../shared/json";
import type { Pulumi } from "./recover";

/** The administrator's kubeconfig of one cluster, from the stack's own secret output. @throws ConfigError */
export async function kubeconfigOf(pulumi: Pulumi, cluster: string): Promise<string> {
  const { code, stdout, stderr } = await pulumi(["stack", "output", "--json", "--show-secrets"]);
  if (code !== 0) {
    throw new ConfigError("the stack", [
      { path: "outputs", message: stderr.trim(), remedy: "Run it where pulumi up runs, with the same backend and passphrase" },
    ]);
  }
  const outputs: unknown = JSON.parse(stdout);
  const configs = isRecord(outputs) && isRecord(outputs["kubeconfigs"]) ? outputs["kubeconfigs"] : {};
  const found = configs[cluster];
  if (typeof found === "string" && found !== "") return found;
  const known = Object.keys(configs);
  throw new ConfigError("the command line", [
    {
      path: "--cluster",
      message: known.length === 0 ? "the stack has raised no cluster yet" : `got ${cluster}, which is none of the stack's clusters`,
      remedy: known.length === 0 ? "Run pulumi up first" : `Name one of ${known.join(", ")}`,
    },
  ]);
}

/** Writes it for its owner's eyes only, and never over another file. @throws ConfigError */
export function saveKubeconfig(text: string, path: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new ConfigError("the command line", [
      { path: "--out", message: error instanceof Error ? error.message : String(error), remedy: "Name a new file in a folder of yours" },
    ]);
  }
}
