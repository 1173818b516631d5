import { explain } from "../../sizing/explain";
import type { Problem } from "../config/problems";
import type { PlatformConfig } from "../config/schema";
import type { PlatformPlan } from "../plan/platform-plan";

/** `ok`, what the file will build and why, and what must still be set before it can be built. */
export function checkText(path: string, config: PlatformConfig, plan: PlatformPlan, missing: readonly Problem[]): string {
  const todo = missing.map((each) => `  ${each.path} ${each.message}. ${each.remedy}.`);
  return [
    `${path}: ok`,
    ...explain(plan, plan.capacity),
    `Products: ${config.products.join(", ")}. External services: ${plan.external.length}. Published names: ${plan.endpoints.length}.`,
    ...(todo.length === 0 ? [] : ["Still to set before pulumi up (a plan needs none of it):", ...todo]),
    "",
  ].join("\n");
}
