import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { isRecord } from "../shared/json";

/** What operators do to Vault: take the hand-over of its initialisation, and unseal it after a restart. */

/** A problem that its reader can mend. */
export class VaultError extends Error {
  public override readonly name = "VaultError";
}

/** Shares of Vault's key, each encrypted to one operator; made once, when Vault is initialised. */
export interface Handover {
  readonly what: string;
  /** When it was made, as the stack's output `vaultInitialisation` says it too. */
  readonly initialisation: string;
  readonly address: string;
  readonly serverName: string;
  /** What the server's certificate must lead to, PEM. */
  readonly rootCertificate: string;
  /** How many shares unseal. */
  readonly threshold: number;
  readonly shares: readonly { readonly operatorKey: string; readonly encrypted: string }[];
}

/** @throws VaultError when the text is no hand-over. */
export function parseHandover(text: string, from: string): Handover {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    found = undefined;
  }
  if (!isRecord(found) || !Array.isArray(found["shares"]) || typeof found["rootCertificate"] !== "string") {
    throw new VaultError(`${from} is not a hand-over file of Vault: bring the one that npx platform handover wrote`);
  }
  return found as unknown as Handover;
}

export interface SealStatus {
  readonly initialized: boolean;
  readonly sealed: boolean;
  /** Shares needed, and given since it was sealed. */
  readonly t: number;
  readonly progress: number;
}

const SECONDS = 15;

function call(handover: Handover, method: "GET" | "PUT", path: string, body?: object): Promise<SealStatus> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const unreachable = (reason: string): VaultError =>
    new VaultError(
      `Vault cannot be asked at ${handover.address}: ${reason}. Run this where \`pulumi up\` runs: only from there its port is open`,
    );
  return new Promise((resolve, reject) => {
    const asked = request(
      new URL(path, handover.address),
      { method, ca: handover.rootCertificate, servername: handover.serverName, timeout: SECONDS * 1000 },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          const answer = Buffer.concat(parts).toString();
          if (response.statusCode === 200) resolve(JSON.parse(answer) as SealStatus);
          else reject(new VaultError(`Vault answered ${response.statusCode ?? 0}: ${answer.trim().slice(0, 300)}`));
        });
      },
    );
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${SECONDS} s`)));
    asked.on("error", (error) => {
      reject(unreachable(error.message));
    });
    asked.end(text);
  });
}

export function sealStatus(handover: Handover): Promise<SealStatus> {
  return call(handover, "GET", "/v1/sys/seal-status");
}

/** The shares that this operator can decrypt: with an age identity file, or with what their own gpg holds. */
function ownShares(handover: Handover, identity: string | undefined): readonly string[] {
  return handover.shares.flatMap(({ operatorKey, encrypted }) => {
    const isAge = operatorKey.startsWith("age1");
    if (isAge && identity === undefined) return [];
    const program = isAge ? "age" : "gpg";
    const args = isAge ? ["--decrypt", "--identity", identity ?? ""] : ["--batch", "--quiet", "--decrypt"];
    const done = spawnSync(program, args, { input: encrypted, encoding: "utf8", timeout: 60_000 });
    if (done.error !== undefined)
      throw new VaultError(`${program} cannot be run (${done.error.message}): install it, it decrypts the shares`);
    return done.status === 0 ? [done.stdout.trim()] : [];
  });
}

/** One share given to Vault. The last of those needed is where Vault finds out that they are another Vault's. */
async function give(handover: Handover, key: string): Promise<SealStatus> {
  try {
    return await call(handover, "PUT", "/v1/sys/unseal", { key });
  } catch (error) {
    if (!(error instanceof VaultError) || !/authentication failed|invalid key/.test(error.message)) throw error;
    throw new VaultError(
      `Vault does not open with the shares of this hand-over, which is of the initialisation ${handover.initialisation}: ` +
        "bring the one of the initialisation that `pulumi stack output vaultInitialisation` names",
    );
  }
}

/** Gives Vault the shares this operator holds, and says how many are still missing. @throws VaultError */
export async function unseal(handover: Handover, identity: string | undefined): Promise<string> {
  if (identity !== undefined && !existsSync(identity)) throw new VaultError(`there is no identity file ${identity}`);
  const before = await sealStatus(handover);
  if (!before.initialized) throw new VaultError("Vault is not initialised: pulumi up does that, or restore a backup (docs/operations.md)");
  if (!before.sealed) return "Vault is not sealed: nothing to do";
  const shares = ownShares(handover, identity);
  if (shares.length === 0) {
    throw new VaultError("no share of this hand-over is for you: name your age identity with --identity FILE, or have your PGP key in gpg");
  }
  let status = before;
  for (const key of shares) if (status.sealed) status = await give(handover, key);
  if (!status.sealed) return "Vault is unsealed";
  return `Vault has ${status.progress} of the ${status.t} shares it needs: another operator runs the same command with their own key`;
}

/** Writes the hand-over for its owner's eyes only, and never over another one. @throws VaultError */
export function saveHandover(handover: Handover, path: string): void {
  const text = `${JSON.stringify(handover, undefined, 2)}\n`;
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new VaultError(
      `the hand-over was not written to ${path} (${error instanceof Error ? error.message : String(error)}): name another file`,
    );
  }
  if (readFileSync(path, "utf8") !== text)
    throw new VaultError(`${path} does not hold what was written: the hand-over stays on its machine`);
}
