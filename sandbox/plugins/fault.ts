/** Where a drill may kill the engine: `SANDBOX_FAULT=<point>:<machine>`. */
export type FaultPoint = "before-create" | "half-created" | "after-create";

/** Ends engine and plugin at once, without a word to anybody, as a power cut would. */
export function faultPoint(point: FaultPoint, machine: string): void {
  if (process.env["SANDBOX_FAULT"] !== `${point}:${machine}`) return;
  process.kill(process.ppid, "SIGKILL");
  process.kill(process.pid, "SIGKILL");
}
