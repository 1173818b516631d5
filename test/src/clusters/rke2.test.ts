// Proves that every node of every tier gets a configuration that RKE2 knows and that all servers of a cluster agree on what they must.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ingressNames } from "../../../src/base/load-balancers/ingress-names";
import { pairRoutes } from "../../../src/base/load-balancers/routes";
import { clusterNodes } from "../../../src/clusters/rke2/config";
import { renderedClusterFiles } from "../../../src/clusters/rendered";
import { requirePlatform } from "../../../src/config/parse";
import type { PlatformConfig } from "../../../src/config/schema";
import { serviceHost, serviceNamesFor } from "../../../src/network/dns";
import { planPlatform } from "../../../src/plan/platform-plan";
import type { PlannedMachine, PlatformPlan } from "../../../src/plan/platform-plan";
import { rawStack } from "../config/valid";

interface Keys {
  readonly server: readonly string[];
  readonly agent: readonly string[];
  readonly sameOnAllServers: readonly string[];
}

const KEYS = JSON.parse(readFileSync(join(__dirname, "../../../sandbox/artifacts/rke2/keys.json"), "utf8")) as Keys;
const CLUSTERS = ["apps", "middleware", "dmz"] as const;
/** What RKE2's documentation names beyond its own list. */
const ALSO_SAME = ["cni", "profile", "secrets-encryption-provider", "ingress-controller", "tls-san", "system-default-registry"];

type Rke2 = Readonly<Record<string, unknown>>;

function planned(changes: Readonly<Record<string, unknown>>): { config: PlatformConfig; plan: PlatformPlan } {
  const config = requirePlatform("prod", { ...rawStack("prod"), ...changes });
  return { config, plan: planPlatform(config) };
}

function fileOf(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine, path: string): string {
  return renderedClusterFiles(config, plan, machine).find((file) => file.path === path)?.content ?? "";
}

function configOf(config: PlatformConfig, plan: PlatformPlan, machine: PlannedMachine): Rke2 {
  return parse(fileOf(config, plan, machine, "/etc/rancher/rke2/config.yaml")) as Rke2;
}

describe.each([100, 500, 1000, 10000])("%i users", (users) => {
  const { config, plan } = planned({ users });

  it("every node's configuration has only keys that RKE2 knows, and names itself", () => {
    const nodes = plan.machines.filter((machine) => machine.cluster !== undefined);
    expect(nodes.length).toBe({ 100: 9, 500: 17, 1000: 24, 10000: 33 }[users]);
    for (const machine of nodes) {
      const found = configOf(config, plan, machine);
      const known = machine.roles.includes("control-plane") ? KEYS.server : KEYS.agent;
      expect(
        Object.keys(found).filter((key) => !known.includes(key)),
        machine.name,
      ).toEqual([]);
      expect(found).toMatchObject({ "node-name": machine.name, "node-ip": machine.ip, profile: "cis" });
    }
  });

  it.each(CLUSTERS)("servers of %s agree on what they must, and only the first makes the cluster", (cluster) => {
    const { servers, agents } = clusterNodes(plan, cluster);
    expect(servers).toHaveLength(3);
    const configs = servers.map((machine) => configOf(config, plan, machine));
    for (const key of [...KEYS.sameOnAllServers, ...ALSO_SAME]) {
      expect(new Set(configs.map((each) => JSON.stringify(each[key]))).size, key).toBe(1);
    }
    const address = plan.virtualAddresses.find((each) => each.name === `api-${cluster}`)?.ip ?? "";
    const joined = [...servers, ...agents].map((machine) => configOf(config, plan, machine)["server"]);
    expect(joined).toEqual([undefined, ...Array.from({ length: joined.length - 1 }, () => `https://${address}:9345`)]);
    expect(configs[0]?.["tls-san"]).toEqual([address, expect.stringMatching(new RegExp(`api-${cluster}\\.`))]);
  });

  it("a control plane with machines of its own takes nothing else, and Longhorn's disks are where the storage is", () => {
    for (const machine of plan.machines.filter((each) => each.cluster !== undefined)) {
      const found = configOf(config, plan, machine);
      const dedicated = machine.roles.join() === "control-plane";
      expect(found["node-taint"], machine.name).toEqual(dedicated ? ["CriticalAddonsOnly=true:NoExecute"] : undefined);
      const stores = machine.roles.includes("storage") && machine.cluster !== "dmz";
      expect(found["node-label"], machine.name).toEqual(stores ? ["node.longhorn.io/create-default-disk=true"] : undefined);
    }
  });
});

it.each([
  [500, 1000, 7],
  [1000, 10000, 9],
])("from %i to %i users %i nodes join, and no file of a node that is there changes", (from, to, more) => {
  const [before, after] = [planned({ users: from }), planned({ users: to })];
  const nodes = (plan: PlatformPlan): readonly PlannedMachine[] => plan.machines.filter((machine) => machine.cluster !== undefined);
  expect(nodes(after.plan)).toHaveLength(nodes(before.plan).length + more);
  // Rancher asks for more at larger tiers, which is its pods' matter and not the node's.
  const filesOf = ({ config, plan }: typeof before, machine: PlannedMachine): readonly unknown[] =>
    renderedClusterFiles(config, plan, machine).filter(({ path }) => !path.startsWith("/etc/platform/rancher/"));
  for (const machine of nodes(before.plan)) {
    const same = after.plan.machines.find((each) => each.name === machine.name);
    expect(same === undefined ? [] : filesOf(after, same), machine.name).toEqual(filesOf(before, machine));
  }
});

describe("a node's other files", () => {
  const { config, plan } = planned({ artifacts: { mode: "mirrored" } });
  const of = (name: string): PlannedMachine => plan.machines.find((each) => each.name === name) as PlannedMachine;

  it("secrets are for root alone", () => {
    for (const machine of plan.machines.filter((each) => each.cluster !== undefined)) {
      for (const file of renderedClusterFiles(config, plan, machine)) {
        if (file.content.includes("<secret:")) expect(file.mode, file.path).toBe("0600");
      }
    }
  });

  it("in mirrored mode every image comes from the platform's registry, over verified TLS", () => {
    const registries = parse(fileOf(config, plan, of("prod-rkeapp-worker1"), "/etc/rancher/rke2/registries.yaml")) as {
      mirrors: Record<string, unknown>;
      configs: Record<string, unknown>;
    };
    const endpoint = { endpoint: ["https://prod-gitops1.platform.example.org:8443"] };
    expect(registries.mirrors).toEqual({ "prod-registry.platform.example.org": endpoint, "*": endpoint });
    expect(registries.configs).toEqual({
      "prod-gitops1.platform.example.org:8443": {
        auth: { username: "nodes", password: "<secret: registry-nodes>" },
        tls: { ca_file: "/usr/local/share/ca-certificates/platform-root.crt" },
      },
    });
    expect(configOf(config, plan, of("prod-rkeapp-worker1"))["system-default-registry"]).toBe("prod-registry.platform.example.org");
  });

  it("etcd's snapshots go to the backup store, but for those of the DMZ, which may not reach it", () => {
    expect(configOf(config, plan, of("prod-rkeapp-master1"))).toMatchObject({ "etcd-s3": true, "etcd-s3-folder": "apps" });
    expect(configOf(config, plan, of("prod-rkedmz1"))).not.toHaveProperty("etcd-s3");
    expect(configOf(config, plan, of("prod-rkedmz1"))["etcd-snapshot-retention"]).toBe(28);
  });

  it("every name that a load balancer sends to an ingress is in that ingress's certificate", () => {
    const held = new Set(CLUSTERS.flatMap((cluster) => ingressNames(config, cluster)));
    for (const group of ["lblan", "lbdmz"] as const) {
      for (const front of pairRoutes(config, plan, group).frontEnds) {
        if (front.kind !== "https") continue;
        const toIngress = front.routes.filter((route) => CLUSTERS.some((cluster) => cluster === route.backEnd));
        for (const route of toIngress) expect(held).toContain(route.host);
      }
    }
    expect(held.size).toBe(serviceNamesFor(config.products).length - 6);
    expect(ingressNames(config, "dmz")).toContain(serviceHost(config, "api"));
  });
});
