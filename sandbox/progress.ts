import type { EngineEvent } from "@pulumi/pulumi/automation";

/** What the engine did in one run, with times: for people while it runs, for figures afterwards. */

export interface FinishedStep {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly operation: string;
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
}

const QUIET = ["same", "read", "refresh"];
const SHOWN_TYPES: Readonly<Record<string, string>> = {
  "vsphere:index/virtualMachine:VirtualMachine": "machine",
  "command:remote:Command": "over SSH",
};

/** The stand-in language host is found where it was put. */
const EXPECTED = /^using pulumi-language-nodejs from/;

function nameOf(urn: string): string {
  return urn.split("::").pop() ?? urn;
}

export class Progress {
  private readonly started = new Map<string, number>();
  private readonly begin = Date.now();
  public readonly steps: FinishedStep[] = [];
  public readonly messages: string[] = [];
  public changes: Readonly<Record<string, number>> = {};

  constructor(private readonly say: (line: string) => void) {}

  private line(text: string): void {
    this.say(`${((Date.now() - this.begin) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  }

  public readonly onEvent = (event: EngineEvent): void => {
    if (event.resourcePreEvent !== undefined) {
      this.started.set(`${event.resourcePreEvent.metadata.op} ${event.resourcePreEvent.metadata.urn}`, Date.now());
    }
    const done = event.resOutputsEvent ?? event.resOpFailedEvent;
    if (done !== undefined) {
      const { urn, op, type } = done.metadata;
      const start = this.started.get(`${op} ${urn}`) ?? Date.now();
      const step = { urn, type, name: nameOf(urn), operation: op, start, end: Date.now(), failed: event.resOpFailedEvent !== undefined };
      this.steps.push(step);
      const kind = SHOWN_TYPES[type];
      if (step.failed || (kind !== undefined && !QUIET.includes(op))) {
        this.line(
          `${step.failed ? "FAILED " : ""}${op} ${step.name}${kind === undefined ? "" : ` (${kind})`}, ${((step.end - start) / 1000).toFixed(1)} s`,
        );
      }
    }
    if (event.diagnosticEvent?.severity === "error" || event.diagnosticEvent?.severity === "warning") {
      const text = event.diagnosticEvent.message.replace(/<\{%[^%]*%\}>/g, "").trimEnd();
      if (EXPECTED.test(text)) return;
      this.messages.push(text);
      this.line(text);
    }
    if (event.summaryEvent !== undefined) this.changes = event.summaryEvent.resourceChanges;
  };

  /** How many resources this run made, changed, replaced or removed. */
  changed(): number {
    return Object.entries(this.changes).reduce((sum, [operation, count]) => (QUIET.includes(operation) ? sum : sum + count), 0);
  }
}
