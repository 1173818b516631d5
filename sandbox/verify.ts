import { parseBundleResult, RECEIVER_PATH, renderBundle } from "../src/remote/bundle";
import { DEPLOY_USER } from "../src/machines/cloud-init";
import { VERIFICATION_BUNDLE } from "../src/machines/preparation/files";
import { table } from "../src/cli/table";
import { messageOf } from "./errors";
import { runRemote } from "./plugins/ssh";

/** Verifies machines as they are now: over SSH, with the pinned host key, by the script that preparation ends with. */

export interface KnownMachine {
  readonly name: string;
  readonly address: string;
  readonly hostKey: string;
}

export interface Verified {
  readonly machine: KnownMachine;
  readonly report?: Readonly<Record<string, string>>;
  readonly problem?: string;
}

/** Two cores verify no more at a time. */
const AT_ONCE = 4;
/** A machine that is up answers at the first attempt; some more for one that is just starting. */
const DIAL_ATTEMPTS = 15;

async function verifyOne(machine: KnownMachine, privateKey: string): Promise<Verified> {
  const connection = {
    host: machine.address,
    user: DEPLOY_USER,
    privateKey,
    hostKey: machine.hostKey,
    dialErrorLimit: DIAL_ATTEMPTS,
    perDialTimeout: 10,
  };
  try {
    const { code, stdout, stderr } = await runRemote(connection, `sudo -n ${RECEIVER_PATH}`, renderBundle(VERIFICATION_BUNDLE));
    return code === 0 ? { machine, report: parseBundleResult(stdout).report } : { machine, problem: stderr.trim() };
  } catch (error) {
    return { machine, problem: messageOf(error) };
  }
}

export async function verifyMachines(machines: readonly KnownMachine[], privateKey: string): Promise<readonly Verified[]> {
  const left = [...machines.entries()];
  const results: Verified[] = [];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await verifyOne(next[1], privateKey);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

const POINTS = ["host", "firewall", "data-disk", "trust", "password-login", "root-login", "chrony", "auditd"] as const;
const TITLES: Readonly<Record<string, string>> = {
  host: "host name",
  firewall: "firewall",
  "data-disk": "data disk",
  trust: "trusts",
  "password-login": "password login",
  "root-login": "root login",
  chrony: "time",
  auditd: "audit",
};

/** One line a machine, then what is wrong, then the count. */
export function verificationText(results: readonly Verified[]): string {
  const rows = results.map(({ machine, report }) => [
    machine.name,
    machine.address,
    ...POINTS.map((point) => (report === undefined ? "?" : (report[point] ?? "none"))),
    report === undefined ? "NOT VERIFIED" : "verified",
  ]);
  const bad = results.filter((each) => each.problem !== undefined);
  return [
    table(["machine", "address", ...POINTS.map((point) => TITLES[point] ?? point), ""], rows),
    ...(results.some((each) => Object.values(each.report ?? {}).includes("not here"))
      ? ['"not here": the unit\'s own condition keeps it from running in a container; a virtual machine runs it.']
      : []),
    ...bad.map((each) => `${each.machine.name}: ${each.problem ?? ""}`),
    `${results.length - bad.length} of ${results.length} machines verified over SSH, each by its pinned host key`,
  ].join("\n");
}
