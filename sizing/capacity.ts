import type { SizedMachine, SizingPlan } from "./plan";
import type { ClusterName } from "./tiers";
import { add, describe, fits, MIB_PER_GIB, MILLICORES_PER_VCPU, subtract } from "./units";
import type { Resources } from "./units";
import { hostServicesFor, LONGHORN_RESERVE, NODE_RESERVES, workloadsFor } from "./workloads";
import type { PlacedWorkload, Product } from "./workloads";

/** One thing the plan cannot hold, with its figures. */
export interface CapacityFinding {
  /** `error`: it never fits. `warning`: high-priority work does not fit with one node down. */
  readonly severity: "error" | "warning";
  /** A cluster's or a machine's name. */
  readonly where: string;
  readonly message: string;
}

/** A cluster's figures for people and reports. */
export interface ClusterCapacity {
  readonly cluster: ClusterName;
  readonly allocatable: Resources;
  readonly requested: Resources;
}

export interface CapacityProof {
  readonly clusters: readonly ClusterCapacity[];
  readonly findings: readonly CapacityFinding[];
}

interface Node {
  readonly name: string;
  readonly free: Resources;
}

interface Pod extends Resources {
  readonly component: string;
}

const NOTHING: Resources = { cpuMillicores: 0, memoryMib: 0 };
const CLUSTERS: readonly ClusterName[] = ["apps", "middleware", "dmz"];

function whole(machine: SizedMachine): Resources {
  return { cpuMillicores: machine.vcpu * MILLICORES_PER_VCPU, memoryMib: machine.memoryGib * MIB_PER_GIB };
}

/** What a node has left for workloads once its own daemons have taken their share. */
function allocatable(machine: SizedMachine): Resources {
  const reserves = machine.cluster === "dmz" ? NODE_RESERVES : [...NODE_RESERVES, LONGHORN_RESERVE];
  return reserves
    .filter((reserve) => reserve.role === undefined || machine.roles.includes(reserve.role))
    .reduce((free, reserve) => subtract(free, reserve), whole(machine));
}

function podsOf(workloads: readonly PlacedWorkload[]): readonly Pod[] {
  const pods = workloads.flatMap((each) => Array.from({ length: each.copies }, (): Pod => each));
  return [...pods].sort((left, right) => right.memoryMib - left.memoryMib || right.cpuMillicores - left.cpuMillicores);
}

/** Places pods, largest first, each where most memory is free; returns those that find no node. */
function unplaced(pods: readonly Pod[], nodes: readonly Node[]): readonly Pod[] {
  const free = new Map(nodes.map((node) => [node.name, node.free]));
  return pods.filter((pod) => {
    const [best] = [...free].filter(([, room]) => fits(pod, room)).sort(([, a], [, b]) => b.memoryMib - a.memoryMib);
    if (best === undefined) return true;
    free.set(best[0], subtract(best[1], pod));
    return false;
  });
}

function sum(amounts: readonly Resources[]): Resources {
  return amounts.reduce(add, NOTHING);
}

/** Components named in a finding; the rest are counted. */
const NAMES_SHOWN = 3;

function names(pods: readonly Pod[]): string {
  const all = [...new Set(pods.map((pod) => pod.component))];
  const rest = all.length - NAMES_SHOWN;
  return `${all.slice(0, NAMES_SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function clusterFindings(cluster: ClusterName, nodes: readonly Node[], workloads: readonly PlacedWorkload[]): CapacityFinding[] {
  const pods = podsOf(workloads);
  const figures = `asked ${describe(sum(pods))}, ${nodes.length} nodes have ${describe(sum(nodes.map((node) => node.free)))} free`;
  const left = unplaced(pods, nodes);
  if (left.length > 0) {
    return [{ severity: "error", where: cluster, message: `no node holds ${names(left)} (${figures}); raise its nodes in overrides` }];
  }
  const high = podsOf(workloads.filter((each) => each.priority === "high"));
  return nodes.flatMap((down): CapacityFinding[] => {
    const remaining = unplaced(
      high,
      nodes.filter((node) => node !== down),
    );
    if (remaining.length === 0) return [];
    const message = `with ${down.name} down no node holds ${names(remaining)} (${figures}); raise the others in overrides`;
    return [{ severity: "warning", where: cluster, message }];
  });
}

/** A cluster node must hold its own daemons before anything else. */
function nodeFindings(machine: SizedMachine): CapacityFinding[] {
  if (machine.cluster === undefined || fits(NOTHING, allocatable(machine))) return [];
  const asked = subtract(whole(machine), allocatable(machine));
  const message = `the system and the cluster's own daemons ask ${describe(asked)}, the machine has ${describe(whole(machine))}`;
  return [{ severity: "error", where: machine.name, message }];
}

function hostFindings(machine: SizedMachine, plan: SizingPlan): CapacityFinding[] {
  const services = hostServicesFor(machine.group, plan.tier);
  const [system] = NODE_RESERVES;
  const asked = sum([...services, ...(system === undefined ? [] : [system])]);
  if (machine.cluster !== undefined || fits(asked, whole(machine))) return [];
  const what = services.map((each) => each.service).join(", ");
  const message = `${what} and the system ask ${describe(asked)}, the machine has ${describe(whole(machine))}`;
  return [{ severity: "error", where: machine.name, message }];
}

/** Whether every cluster and machine of the plan holds what runs on it; with figures where it does not. */
export function proveCapacity(plan: SizingPlan, products: readonly Product[]): CapacityProof {
  const clusters = CLUSTERS.map((cluster) => {
    const nodes = plan.machines
      .filter((machine) => machine.cluster === cluster && machine.roles.includes("worker"))
      .map((machine): Node => ({ name: machine.name, free: allocatable(machine) }));
    const workloads = workloadsFor(cluster, plan.tier, products);
    return {
      capacity: { cluster, allocatable: sum(nodes.map((node) => node.free)), requested: sum(podsOf(workloads)) },
      findings: clusterFindings(cluster, nodes, workloads),
    };
  });
  return {
    clusters: clusters.map((each) => each.capacity),
    findings: [
      ...clusters.flatMap((each) => each.findings),
      ...plan.machines.flatMap((machine) => [...nodeFindings(machine), ...hostFindings(machine, plan)]),
    ],
  };
}
