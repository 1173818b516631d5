import { inspect } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { loadPlatform } from "../src/config/load";
import { planPlatform } from "../src/plan/platform-plan";
import { machinesInWords } from "../src/plan/words";
import { Machines } from "./1-machines";
import { BaseServices } from "./2-base-services";
import { Clusters } from "./3-clusters";

// Node 20 takes 11 to 23 s to show an error whose stack passes through a scoped package, unless errors show themselves.
Object.defineProperty(Error.prototype, inspect.custom, {
  configurable: true,
  value(this: Error): string {
    return this.stack ?? this.message;
  },
});

// Pulumi's runner maps every stack trace to its TypeScript with a package of its own, and takes one for each resource and promise.
// tsx has Node do the same, so the second mapping only costs: 1.5 s of a preview of 236 steps.
Reflect.deleteProperty(Error, "prepareStackTrace");

const { config, secrets } = loadPlatform();
const plan = planPlatform(config);

const layer1 = new Machines("machines", { config, secrets, plan });
const layer2 = new BaseServices("base-services", { config, secrets, plan, machines: layer1 });
const layer3 = new Clusters("clusters", { config, plan, machines: layer1, base: layer2 });

/** What the stack file asked for and what it became. */
export const platform = { users: plan.users, tier: plan.tier, totals: plan.totals };
/** Every machine in words: what changes here is what an edit does to machines. */
export const machinePlan = machinesInWords(plan);
export const virtualAddresses = plan.virtualAddresses.map(({ name, ip, purpose }) => ({ name, ip, purpose }));
/** Every machine with what was verified on it. */
export const machines = layer1.summary;
/** What trusts the platform must trust, PEM. */
export const rootCertificate = layer1.authority.rootCertificate;
/** The deployer's private key, secret: whoever verifies machines over SSH needs it. */
export const deployKey = pulumi.secret(layer1.deployKey.privateKeyOpenssh);
/** Administrators' kubeconfigs, by cluster, secret. */
export const kubeconfigs = Object.fromEntries([...layer3.clusters].map(([name, cluster]) => [name, cluster.kubeconfig]));
/** Which initialisation of Vault the hand-over in the operators' hands must be of. */
export const vaultInitialisation = layer2.secretsManager.initialisation;
