import * as command from "@pulumi/command";
import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Bundle } from "./bundle";
import { parseBundleResult, RECEIVER_PATH, renderBundle } from "./bundle";

/** A prepared machine that a service can be put on. */
export interface ServiceHost {
  readonly connection: types.input.remote.ConnectionArgs;
  /** Changes when another machine takes the name. */
  readonly identity: pulumi.Output<string>;
  /** What has verified the machine. */
  readonly verification: pulumi.Resource;
  /** The machine itself: where it goes, its services are gone too. */
  readonly resource: pulumi.Resource;
}

export interface ManagedServiceArgs {
  readonly host: ServiceHost;
  /** Files, then steps; the last step is the gate: it ends well only when the service answers by its own protocol. */
  readonly bundle: pulumi.Input<Bundle>;
  /** Gates that must have passed before: a component's own `dependsOn` does not hold its parts back. */
  readonly after?: readonly pulumi.Resource[];
  /** Longest the whole may take, on the machine. */
  readonly timeout: `${number}m`;
}

/** A service on a prepared machine: its files and steps run again exactly when what they install changes. */
export class ManagedService extends pulumi.ComponentResource {
  /** What the service's steps reported, known once its gate has passed. Secret, for a bundle may be. */
  public readonly report: pulumi.Output<Readonly<Record<string, string>>>;
  /** Known to have answered: for others to wait for. */
  public readonly gate: pulumi.Resource;

  constructor(name: string, args: ManagedServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:remote:ManagedService", name, {}, opts);
    const { host } = args;
    const installed = new command.remote.Command(
      `${name}-installed`,
      {
        connection: host.connection,
        create: `sudo -n ${RECEIVER_PATH}`,
        // Secrets of the bundle travel in here and nowhere else.
        stdin: pulumi.secret(pulumi.output(args.bundle).apply(renderBundle)),
        addPreviousOutputInEnv: false,
        logging: "none",
        // Another machine under the same name has nothing of it.
        triggers: [host.identity],
      },
      {
        parent: this,
        // Before its verification a machine may still lack accounts, packages, trust or its data disk.
        dependsOn: [host.verification, ...(args.after ?? [])],
        deletedWith: host.resource,
        customTimeouts: { create: args.timeout, update: args.timeout },
        additionalSecretOutputs: ["stdout", "stderr"],
      },
    );
    this.gate = installed;
    // Where a run is limited to other resources (`--target`) and this one is not made yet, the engine has no answer of it.
    this.report = installed.stdout.apply((text: string | undefined) => (text === undefined ? {} : parseBundleResult(text).report));
    this.registerOutputs({ report: this.report });
  }
}
