import * as pulumi from "@pulumi/pulumi";
import { loadPlatform } from "../../src/config/load";
import { planPlatform } from "../../src/plan/platform-plan";
import { Machines } from "../../stacks/1-machines";

// The first layer of the platform and nothing else, for what is measured of machines alone: an engine asked for some
// resources only (`--target`) refuses providers that wait for others.
const { config, secrets } = loadPlatform();
const layer = new Machines("machines", { config, secrets, plan: planPlatform(config) });

export const machines = layer.summary;
export const deployKey = pulumi.secret(layer.deployKey.privateKeyOpenssh);
