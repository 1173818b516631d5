/** The platform's units and the only place with factors between them. */

/** MiB in one GiB. */
export const MIB_PER_GIB = 1024;

/** Kubernetes counts processor time in thousandths of a virtual CPU. */
export const MILLICORES_PER_VCPU = 1000;

/** Amount of processor time and memory, in Kubernetes' own units. */
export interface Resources {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
}

export function add(left: Resources, right: Resources): Resources {
  return { cpuMillicores: left.cpuMillicores + right.cpuMillicores, memoryMib: left.memoryMib + right.memoryMib };
}

export function subtract(from: Resources, what: Resources): Resources {
  return { cpuMillicores: from.cpuMillicores - what.cpuMillicores, memoryMib: from.memoryMib - what.memoryMib };
}

/** Whether `what` finds room in `free`. */
export function fits(what: Resources, free: Resources): boolean {
  return what.cpuMillicores <= free.cpuMillicores && what.memoryMib <= free.memoryMib;
}

/** For people: `3.5 vCPU, 6.2 GiB`. */
export function describe(amount: Resources): string {
  const round = (value: number): string => (Math.round(value * 10) / 10).toString();
  return `${round(amount.cpuMillicores / MILLICORES_PER_VCPU)} vCPU, ${round(amount.memoryMib / MIB_PER_GIB)} GiB`;
}
