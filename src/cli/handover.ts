import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handoverBundle } from "../base/vault/handover";
import { DEPLOY_USER } from "../machines/cloud-init";
import { parseBundleResult, RECEIVER_PATH, renderBundle } from "../remote/bundle";
import type { Bundle, BundleResult } from "../remote/bundle";
import { isRecord } from "../shared/json";
import type { Pulumi } from "./recover";
import { parseHandover, saveHandover, VaultError } from "./vault";

/** Takes the hand-over of Vault's initialisation from its machine to the operator's, once. */

/** A machine as the stack's outputs tell of it. */
export interface KnownMachine {
  readonly name: string;
  readonly address: string;
  readonly hostKey: string;
}

const SECONDS = 60;

/** Applies a bundle on a machine over SSH: the machine's own key is pinned, the deployer's key is in a file for a moment. */
async function apply(machine: KnownMachine, deployKey: string, bundle: Bundle): Promise<BundleResult> {
  const folder = mkdtempSync(join(tmpdir(), "platform-"));
  try {
    writeFileSync(join(folder, "key"), deployKey.endsWith("\n") ? deployKey : `${deployKey}\n`, { mode: 0o600 });
    writeFileSync(join(folder, "known_hosts"), `${machine.address} ${machine.hostKey}\n`);
    const options = {
      UserKnownHostsFile: join(folder, "known_hosts"),
      StrictHostKeyChecking: "yes",
      IdentitiesOnly: "yes",
      BatchMode: "yes",
      ConnectTimeout: "15",
    };
    const args = ["-F", "none", "-i", join(folder, "key"), ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
    return await new Promise((resolve, reject) => {
      const child = spawn("ssh", [...args, `${DEPLOY_USER}@${machine.address}`, `sudo -n ${RECEIVER_PATH}`], { timeout: SECONDS * 1000 });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (part: Buffer) => (stdout += part.toString()));
      child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
      child.stdin.on("error", () => undefined);
      child.stdin.end(renderBundle(bundle));
      child.on("error", (error) => {
        reject(new VaultError(`ssh cannot be run: ${error.message}`));
      });
      child.on("close", (code) => {
        if (code === 0) resolve(parseBundleResult(stdout));
        else reject(new VaultError(`${machine.name} (${machine.address}): ${stderr.trim() || `ssh ended with code ${code ?? "none"}`}`));
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes the hand-over to `out`, and only then removes it from the machine. @throws VaultError */
export async function takeHandover(machine: KnownMachine, deployKey: string, out: string): Promise<void> {
  const { report } = await apply(machine, deployKey, handoverBundle("show"));
  const text = Buffer.from(report["handover"] ?? "", "base64").toString();
  saveHandover(parseHandover(text, machine.name), out);
  await apply(machine, deployKey, handoverBundle("taken"));
}

/** The vault machine and the deployer's key, from the stack's outputs. @throws VaultError */
export async function vaultMachine(pulumi: Pulumi, vaultName: string): Promise<{ machine: KnownMachine; deployKey: string }> {
  const { code, stdout, stderr } = await pulumi(["stack", "output", "--json", "--show-secrets"]);
  if (code !== 0) throw new VaultError(`the stack's outputs cannot be read: ${stderr.trim()}`);
  const outputs: unknown = JSON.parse(stdout);
  const machines = isRecord(outputs) && Array.isArray(outputs["machines"]) ? (outputs["machines"] as KnownMachine[]) : [];
  const machine = machines.find((each) => each.name === vaultName);
  if (!isRecord(outputs) || machine === undefined || typeof outputs["deployKey"] !== "string") {
    throw new VaultError(`the stack's outputs know no machine ${vaultName}: run pulumi up first`);
  }
  return { machine, deployKey: outputs["deployKey"] };
}
