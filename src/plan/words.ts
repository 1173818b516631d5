import { holdsData } from "../../sizing/plan";
import type { PlannedMachine, PlatformPlan } from "./platform-plan";

/** One machine in words: size, place, what it is for. */
function inWords(machine: PlannedMachine): string {
  const data = machine.dataDiskGb === 0 ? "no data disk" : `${machine.dataDiskGb} GB for data`;
  const purpose = machine.cluster === undefined ? machine.roles.join(", ") : `${machine.roles.join(", ")} of cluster ${machine.cluster}`;
  const keeps = holdsData(machine) ? "; holds data, so it is protected" : "";
  return `${machine.vcpu} vCPU, ${machine.memoryGib} GiB, ${machine.osDiskGb} GB, ${data}; ${purpose}${keeps}`;
}

/**
 * Every machine by its name, in words. As a stack output it makes a preview say what an edit means: machines that join, that go, and from what to
 * what others grow.
 */
export function machinesInWords(plan: PlatformPlan): Readonly<Record<string, string>> {
  return Object.fromEntries(plan.machines.map((machine) => [machine.name, inWords(machine)]));
}
