import * as pulumi from "@pulumi/pulumi";
import { allConfig } from "@pulumi/pulumi/runtime/config";
import { keyProblems } from "../pki/given-authority";
import { requirePlatform, platformValues } from "./parse";
import { ConfigError } from "./problems";
import type { Problem } from "./problems";
import type { PlatformConfig } from "./schema";
import { flattenSecrets, missingSecrets, secretSlots, unknownSecrets } from "./secrets";

/** The secrets of the stack, each only ever as a secret Output. */
export class PlatformSecrets {
  public constructor(private readonly values: ReadonlyMap<string, string>) {}

  /** @throws Error when the configuration has no such secret, which `loadPlatform` has already ruled out for required ones. */
  public require(path: string): pulumi.Output<string> {
    const value = this.values.get(path);
    if (value === undefined) throw new Error(`the program asked for a secret that it did not declare: ${path}`);
    return pulumi.secret(value);
  }
}

export interface LoadedPlatform {
  readonly config: PlatformConfig;
  readonly secrets: PlatformSecrets;
}

/** The engine hands an object over as JSON text; any other text is one secret without a name. Shows nothing of either. */
function readSecrets(raw: unknown): ReadonlyMap<string, unknown> {
  if (typeof raw !== "string") return flattenSecrets(raw);
  try {
    return flattenSecrets(JSON.parse(raw) as unknown);
  } catch {
    return flattenSecrets("unreadable");
  }
}

/**
 * The stack's configuration as the engine gives it, checked whole.
 * This is the only place where secrets are seen in clear, to check what can be checked; no message shows one.
 * @throws ConfigError with every problem at once.
 */
export function loadPlatform(): LoadedPlatform {
  const file = `Pulumi.${pulumi.getStack()}.yaml`;
  const { secrets, ...values } = platformValues(allConfig());
  const config = requirePlatform(file, values);
  const found = readSecrets(secrets);
  const slots = secretSlots(config);
  const texts = new Map([...found].filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== ""));
  const problems: Problem[] = [...unknownSecrets(found, slots), ...missingSecrets(texts, slots)];
  const key = texts.get("tlsIssuingKey");
  if (config.tls.source === "provided" && key !== undefined) problems.push(...keyProblems(config.tls, key));
  if (problems.length > 0) throw new ConfigError(file, problems);
  return { config, secrets: new PlatformSecrets(texts) };
}
