import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../sandbox/process";
import { projectName } from "../../sandbox/sandbox";
import type { SandboxFacts } from "../../sandbox/sandbox";

/** Root's view of a sandbox machine, past SSH and firewalls: what tests look at and break. */
export class MachineAccess {
  private readonly client: string;

  constructor(private readonly facts: SandboxFacts) {
    this.client = facts.socket.includes("incus") ? "incus" : "lxc";
  }

  private get project(): string {
    return projectName(this.facts.name);
  }

  /** Runs a shell line on the machine; @throws when it fails. */
  shell(machine: string, line: string): Promise<string> {
    return run(this.client, ["exec", "--project", this.project, machine, "--", "sh", "-c", line], { timeoutSeconds: 60 });
  }

  /** Runs test/sandbox/network-probe.py on the machine with this request and returns what it prints last. */
  async probe(machine: string, request: object): Promise<unknown> {
    const program = readFileSync(join(__dirname, "network-probe.py"), "utf8");
    const printed = await this.program(machine, program, `${JSON.stringify(request)}\n`);
    return JSON.parse(printed.trim().split("\n").at(-1) ?? "null") as unknown;
  }

  /** Runs a Python program on the machine with this on its stdin, and returns what it prints. */
  program(machine: string, program: string, stdin: string): Promise<string> {
    const args = ["exec", "-T", "--project", this.project, machine, "--", "python3", "-c", program];
    return run(this.client, args, { stdin, timeoutSeconds: 300 });
  }

  /** Leaves listeners on the machine until `stopListening`. */
  async listen(machine: string, tcp: readonly number[], udp: readonly number[]): Promise<void> {
    const program = Buffer.from(readFileSync(join(__dirname, "network-probe.py"))).toString("base64");
    const request = JSON.stringify({ do: "listen", ports: { tcp, udp } });
    await this.shell(
      machine,
      `printf %s ${program} | base64 -d > /run/probe.py; printf '%s\n' '${request}' > /run/probe.request; ` +
        "systemd-run --quiet --unit=test-listeners --property=StandardInput=file:/run/probe.request --property=LimitNOFILE=65536 python3 /run/probe.py",
    );
  }

  async stopListening(machine: string): Promise<void> {
    await this.attempt(machine, "systemctl stop test-listeners; rm -f /run/probe.py /run/probe.request");
  }

  async stop(machine: string): Promise<void> {
    await run(this.client, ["stop", "--force", "--project", this.project, machine]);
  }

  async start(machine: string): Promise<void> {
    await run(this.client, ["start", "--project", this.project, machine]);
  }

  /** As `shell`, but with its outcome instead of an error. */
  async attempt(machine: string, line: string): Promise<{ ok: boolean; output: string }> {
    try {
      return { ok: true, output: await this.shell(machine, line) };
    } catch (error) {
      return { ok: false, output: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Removes the machine behind the program's back. */
  async vanish(machine: string): Promise<void> {
    await run(this.client, ["delete", "--force", "--project", this.project, machine]);
  }

  async names(): Promise<readonly string[]> {
    const list = await run(this.client, ["list", "--project", this.project, "--format", "csv", "--columns", "n"]);
    return list
      .trim()
      .split("\n")
      .filter((name) => name !== "")
      .sort();
  }

  async configuration(machine: string): Promise<string> {
    return run(this.client, ["config", "show", "--expanded", "--project", this.project, machine]);
  }
}
