import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

/** How long a machine may take from power-on to its first SSH answer: attempts, at most 5 s apart, and seconds for each. */
const DIAL_ATTEMPTS = 90;
const DIAL_SECONDS = 15;

export interface SshTarget {
  readonly host: string;
  readonly user: string;
  /** OpenSSH form; secret. */
  readonly privateKey: pulumi.Output<string>;
  /** The machine's own key in authorized_keys form: any other machine at this address is refused. */
  readonly hostKey: pulumi.Output<string>;
}

/** The one place where connections are made: a misspelt field here would print the private key. */
export function sshConnection(target: SshTarget): types.input.remote.ConnectionArgs {
  return {
    host: target.host,
    port: 22,
    user: target.user,
    privateKey: pulumi.secret(target.privateKey),
    hostKey: target.hostKey,
    dialErrorLimit: DIAL_ATTEMPTS,
    perDialTimeout: DIAL_SECONDS,
  };
}
