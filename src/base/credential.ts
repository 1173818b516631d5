import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { PlatformConfig } from "../config/schema";
import type { Rotatable } from "../config/credentials";

/** Letters and digits only, so that every file format and URL takes them as they are: 190 bits and more. */
const LENGTH = 32;

/** A password that the program makes; another text under its name in the stack file's `rotations` makes another one. */
export function credential(
  name: Rotatable,
  config: Pick<PlatformConfig, "rotations">,
  parent: pulumi.Resource,
): { readonly password: pulumi.Output<string>; readonly bcrypt: pulumi.Output<string> } {
  const rotation = config.rotations[name];
  const made = new random.RandomPassword(
    name,
    { length: LENGTH, special: false, ...(rotation === undefined ? {} : { keepers: { rotation } }) },
    { parent },
  );
  return { password: pulumi.secret(made.result), bcrypt: pulumi.secret(made.bcryptHash) };
}

/**
 * A password that lasts as long as what it protects: losing it loses that.
 * @param bound what may not change as long as it lasts; the engine refuses an edit of that in the preview already
 */
export function lastingSecret(name: string, parent: pulumi.Resource, bound?: Readonly<Record<string, string>>): pulumi.Output<string> {
  const keepers = bound === undefined ? {} : { keepers: bound };
  return pulumi.secret(new random.RandomPassword(name, { length: LENGTH, special: false, ...keepers }, { parent, protect: true }).result);
}
