import { createHash } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { PlatformConfig } from "../config/schema";
import type { PlannedMachine, PlatformPlan } from "../plan/platform-plan";
import { parseBundleResult, RECEIVER_PATH, renderBundle } from "../remote/bundle";
import { sshConnection } from "../remote/connection";
import type { ServiceHost } from "../remote/managed-service";
import { DEPLOY_USER, renderMetadata, renderUserData } from "./cloud-init";
import type { Hypervisor, VirtualMachine } from "./hypervisor";
import { preparationBundle, preparationFiles, VERIFICATION_BUNDLE } from "./preparation/files";

export interface MachineArgs {
  readonly machine: PlannedMachine;
  readonly config: PlatformConfig;
  readonly plan: PlatformPlan;
  readonly hypervisor: Hypervisor;
  /** The deployer's key pair: it prepares every machine and stands on none. */
  readonly deployKey: tls.PrivateKey;
  /** The platform's root authority, PEM. */
  readonly rootCertificate: pulumi.Output<string>;
}

/** Changes exactly when the bundle does. */
function fingerprint(bundle: string): string {
  return createHash("sha256").update(bundle).digest("hex");
}

/** One machine from nothing to prepared: cloned, booted, known by its host key, prepared, verified. */
export class Machine extends pulumi.ComponentResource {
  /** The machine's address, published only once a new SSH session has verified what preparation promised. */
  public readonly address: pulumi.Output<string>;
  /** What was verified, by point. */
  public readonly verified: pulumi.Output<Readonly<Record<string, string>>>;
  /** The machine's own SSH key in authorized_keys form. */
  public readonly hostKey: pulumi.Output<string>;
  public readonly virtualMachine: VirtualMachine;
  /** For services that are put on it. */
  public readonly host: ServiceHost;

  constructor(name: string, args: MachineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:machines:Machine", name, {}, opts);
    const { machine, config, plan, deployKey, rootCertificate } = args;
    const deployPublicKey = deployKey.publicKeyOpenssh;

    const key = new tls.PrivateKey(`${name}-host-key`, { algorithm: "ED25519" }, { parent: this });
    this.hostKey = key.publicKeyOpenssh.apply((text) => text.trim());

    this.virtualMachine = args.hypervisor.createMachine(
      machine,
      {
        metadata: renderMetadata(config, machine),
        // Secret here, whatever the provider of the key says of its outputs.
        userData: pulumi.secret(
          pulumi
            .all([deployPublicKey, key.publicKeyOpenssh, key.privateKeyOpenssh])
            .apply(([deploy, hostPublicKey, hostPrivateKey]) =>
              renderUserData(machine, { deployPublicKey: deploy, hostPublicKey: hostPublicKey.trim(), hostPrivateKey }),
            ),
        ),
      },
      this,
    );

    const connection = sshConnection({
      host: machine.ip,
      user: DEPLOY_USER,
      privateKey: deployKey.privateKeyOpenssh,
      hostKey: this.hostKey,
    });
    const shared: command.remote.CommandArgs = {
      connection,
      create: `sudo -n ${RECEIVER_PATH}`,
      addPreviousOutputInEnv: false,
      // Whatever a step prints belongs in the machine's own log, not in the engine's.
      logging: "none",
      // Another machine under the same name must be prepared again.
      triggers: [this.virtualMachine.identity],
    };
    const timeouts = { create: "30m", update: "30m" };

    const bundle = pulumi
      .all([deployPublicKey, rootCertificate])
      .apply(([deploy, root]) =>
        renderBundle(preparationBundle(preparationFiles(config, plan, machine, { deployPublicKey: deploy, rootCertificate: root }))),
      );
    const prepared = new command.remote.Command(
      `${name}-prepared`,
      { ...shared, stdin: bundle },
      { parent: this, deletedWith: this.virtualMachine.resource, customTimeouts: timeouts },
    );

    const verified = new command.remote.Command(
      `${name}-verified`,
      // Whatever preparation brought is verified, over a new session: also when it changed the same files as the time before.
      { ...shared, stdin: renderBundle(VERIFICATION_BUNDLE), triggers: [this.virtualMachine.identity, bundle.apply(fingerprint)] },
      // Verifying sooner would look at the state before this preparation.
      { parent: this, dependsOn: [prepared], deletedWith: this.virtualMachine.resource, customTimeouts: timeouts },
    );

    this.host = { connection, identity: this.virtualMachine.identity, verification: verified, resource: this.virtualMachine.resource };
    this.verified = verified.stdout.apply((text) => parseBundleResult(text).report);
    this.address = this.verified.apply(() => machine.ip);
    this.registerOutputs({ address: this.address, verified: this.verified, hostKey: this.hostKey });
  }
}
