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
