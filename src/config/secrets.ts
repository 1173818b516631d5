import { isRecord } from "../shared/json";
import { nearest } from "./problems";
import type { Problem } from "./problems";
import type { PlatformConfig } from "./schema";

/** A secret the stack file may hold under `platform:secrets`, always encrypted. */
export interface SecretSlot {
  /** Path under `platform:secrets`, as `pulumi config set --secret --path` takes it. */
  readonly path: string;
  readonly what: string;
}

/** The secrets that this configuration can use. */
export function secretSlots(
  config: Pick<PlatformConfig, "hypervisor" | "proxy" | "tls" | "externalServices" | "vault">,
): readonly SecretSlot[] {
  return [
    { path: "hypervisorPassword", what: `password of ${config.hypervisor.user} at ${config.hypervisor.server}` },
    ...(config.tls.source === "provided" ? [{ path: "tlsIssuingKey", what: "private key of the issuing authority, PEM" }] : []),
    ...(config.vault.autoUnseal === undefined
      ? []
      : [{ path: "vaultUnsealToken", what: `token for key ${config.vault.autoUnseal.keyName} at ${config.vault.autoUnseal.address}` }]),
    ...Object.entries(config.externalServices)
      .filter(([, service]) => service.kind === "database" || service.kind === "ldap" || service.user !== undefined)
      .map(([name, service]) => ({
        path: `externalServices.${name}`,
        what: `password for the ${service.kind} service ${name}`,
      })),
  ];
}

/** The command that sets a secret. */
export function setCommand(path: string): string {
  return `pulumi config set --secret --path 'platform:secrets.${path}'`;
}

/** Stands for the name of a secret that was set without one: `--path platform:secrets.NAME` was forgotten. */
const WHOLE = "NAME";

/** Every secret in `raw` by its path; a value is a text or, read from a file, its encrypted form `{secure}`. */
export function flattenSecrets(raw: unknown, prefix = ""): ReadonlyMap<string, unknown> {
  if (raw === undefined || raw === null) return new Map();
  // One text instead of an object of secrets: found under no name at all, so it is reported as one that nothing uses.
  if (!isRecord(raw) || "secure" in raw) return new Map([[prefix === "" ? WHOLE : prefix, raw]]);
  return new Map(
    Object.entries(raw).flatMap(([key, value]): [string, unknown][] =>
      isRecord(value) && !("secure" in value) ? [...flattenSecrets(value, `${prefix}${key}.`)] : [[`${prefix}${key}`, value]],
    ),
  );
}

/** Secrets nobody asked for. Never shows a value. */
export function unknownSecrets(found: ReadonlyMap<string, unknown>, slots: readonly SecretSlot[]): readonly Problem[] {
  const known = slots.map((slot) => slot.path);
  return [...found.keys()]
    .filter((path) => !known.includes(path))
    .map((path) => {
      const meant = nearest(path, known);
      return {
        path: `platform:secrets.${path}`,
        message: `this configuration uses no secret of this name${meant === undefined ? "" : `; did you mean "${meant}"`}`,
        remedy: `Remove it: pulumi config rm --path 'platform:secrets.${path}'`,
      };
    });
}

/** Secrets that stand in a file unencrypted. Never shows a value. */
export function clearSecrets(found: ReadonlyMap<string, unknown>): readonly Problem[] {
  return [...found]
    .filter(([, value]) => !isRecord(value))
    .map(([path]) => ({
      path: `platform:secrets.${path}`,
      message: "stands in clear in the file",
      remedy: `Change it where it is used, then set it encrypted: ${setCommand(path)}`,
    }));
}

/** Required secrets that are absent. */
export function missingSecrets(found: ReadonlyMap<string, unknown>, slots: readonly SecretSlot[]): readonly Problem[] {
  return slots
    .filter((slot) => !found.has(slot.path))
    .map((slot) => ({
      path: `platform:secrets.${slot.path}`,
      message: `is missing: ${slot.what}`,
      remedy: `Set it: ${setCommand(slot.path)}`,
    }));
}
