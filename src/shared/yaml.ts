import { stringify } from "yaml";

/** The one YAML serialiser: stable, never folds lines, quotes as little as YAML allows. */
export function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
