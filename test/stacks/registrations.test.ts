// Proves what the program asks of the engine for the sandbox: names, parents, protection, secrecy, order. It does not prove what a
// provider makes of it; test/engine and test/sandbox do.
import { beforeAll, describe, expect, it } from "vitest";
import { holdsData } from "../../sizing/plan";
import { requirePlatform } from "../../src/config/parse";
import { planPlatform } from "../../src/plan/platform-plan";
import { rawStack } from "../src/config/valid";
import { MADE_UP, registrationsOf } from "./recording";
import type { Registration } from "./recording";

let all: readonly Registration[] = [];
const plan = planPlatform(requirePlatform("sandbox", rawStack("sandbox")));

/** Where Rancher's steps run: on the first server of the cluster that each of them is about. */
const RANCHER_HOSTS: Readonly<Record<string, string>> = {
  "rancher-ready-installed": "rkemiddleware-master1",
  "rancher-clusters-installed": "rkemiddleware-master1",
  "apps-import-installed": "rkeapp-master1",
  "dmz-import-installed": "rkedmz1",
};
const RANCHER_STEPS = Object.keys(RANCHER_HOSTS).length;

const ofType = (type: string): readonly Registration[] => all.filter((each) => each.type === type);
const machines = (): readonly Registration[] => ofType("vsphere:index/virtualMachine:VirtualMachine");

beforeAll(async () => {
  all = await registrationsOf(rawStack("sandbox"));
});

it("every registration, by type, name and parent", async () => {
  const lines = all.map((each) => `${each.type} ${each.name} < ${each.parent === "" ? "stack" : each.parent}`).sort();
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("./registrations.txt");
});

it("no name is registered twice for one type", () => {
  const names = all.map((each) => `${each.type}::${each.name}`);
  expect(new Set(names).size).toBe(names.length);
});

it("every resource has a component for a parent", () => {
  const components = new Set(all.filter((each) => each.type.startsWith("platform:")).map((each) => each.name));
  const orphans = all.filter(
    (each) => !components.has(each.parent) && !each.type.startsWith("platform:layer:") && each.type !== "pulumi:pulumi:Stack",
  );
  expect(orphans.map((each) => each.name)).toEqual([]);
});

describe("machines", () => {
  it("that hold data are protected, all and only they", () => {
    const isProtected = Object.fromEntries(machines().map((each) => [each.name, each.protect]));
    expect(isProtected).toEqual(Object.fromEntries(plan.machines.map((each) => [each.name, holdsData(each)])));
    expect(Object.values(isProtected).filter(Boolean)).toHaveLength(12);
  });

  it("ignore a new template and spent birth data, and keep user data secret", () => {
    for (const machine of machines()) {
      expect(machine.ignoreChanges).toEqual(["clone", "extraConfig", "guestId", "firmware", "scsiType"]);
      expect(machine.secretOutputs).toContain("extraConfig");
      expect(machine.secretInputs).toEqual(["extraConfig"]);
    }
  });

  it("state what the provider would otherwise see change for ever, and never force power off", () => {
    const { inputs } = machines().find((each) => each.name === "vault1") ?? { inputs: {} };
    expect(inputs).toMatchObject({
      hvMode: "hvAuto",
      eptRviMode: "automatic",
      cpuHotAddEnabled: true,
      memoryHotAddEnabled: true,
      forcePowerOff: false,
      extraConfigRebootRequired: false,
      numCpus: 4,
      memory: 16384,
      disks: [
        { label: "system", unitNumber: 0, size: 60, thinProvisioned: true, eagerlyScrub: false },
        { label: "data", unitNumber: 1, size: 20, keepOnRemove: true, thinProvisioned: true, eagerlyScrub: false },
      ],
    });
  });

  it("of one group are kept apart", () => {
    const rules = ofType("vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule");
    const said = rules.map((rule) => [rule.name, (rule.inputs["virtualMachineIds"] as string[]).length, rule.inputs["mandatory"]] as const);
    expect([...said].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ["lbdmz-apart", 2, false],
      ["lbintegration-apart", 2, false],
      ["lblan-apart", 2, false],
      ["rkeapp-master-apart", 3, false],
      ["rkedmz-apart", 3, false],
      ["rkemiddleware-master-apart", 3, false],
    ]);
  });

  it("wait for no other machine", () => {
    const names = new Set(plan.machines.map((each) => each.name));
    for (const machine of machines()) expect(machine.dependencies.filter((each) => names.has(each))).toEqual([]);
  });
});

describe("commands over SSH", () => {
  const commands = (): readonly Registration[] => ofType("command:remote:Command");

  it("pin the host key, say nothing in the log, and hold no secret in their text", () => {
    expect(commands()).toHaveLength(2 * plan.machines.length + 13 + 2 * 9 + RANCHER_STEPS);
    for (const each of commands()) {
      const connection = each.inputs["connection"] as Record<string, unknown>;
      expect(connection["hostKey"]).toMatch(/^ssh-ed25519 AAAA\S+-host-key$/);
      expect(connection["user"]).toBe("deploy");
      expect(each.inputs["logging"]).toBe("none");
      expect(each.inputs["addPreviousOutputInEnv"]).toBe(false);
      // A membership does nothing until its node goes.
      const [acts, rests] = each.name.endsWith("-membership") ? (["delete", "create"] as const) : (["create", "delete"] as const);
      expect(each.inputs[acts]).toBe("sudo -n /usr/local/sbin/platform-apply");
      expect(each.inputs[rests] ?? "true").toBe("true");
      expect(each.secretInputs).toContain("connection");
    }
  });

  it("verify only what was prepared, and prepare only a machine that exists", () => {
    for (const machine of plan.machines) {
      const [prepared, verified] = ["prepared", "verified"].map((step) =>
        commands().find((each) => each.name === `${machine.name}-${step}`),
      );
      expect(prepared?.dependencies).toContain(machine.name);
      expect(verified?.dependencies).toContain(`${machine.name}-prepared`);
    }
  });
});

describe("services", () => {
  const services = (): readonly Registration[] => ofType("command:remote:Command").filter((each) => each.name.endsWith("-installed"));

  it("go to verified machines, their files secret on the way, their answers secret too", () => {
    expect(services()).toHaveLength(13 + 9 + RANCHER_STEPS);
    for (const each of services()) {
      const machine = plan.machines.find(({ name }) => each.name.startsWith(`${name}-`))?.name ?? RANCHER_HOSTS[each.name] ?? "";
      expect(each.dependencies, each.name).toContain(`${machine}-verified`);
      expect(each.secretInputs, each.name).toContain("stdin");
      expect(each.secretOutputs, each.name).toEqual(expect.arrayContaining(["stdout", "stderr"]));
    }
  });

  it("reach the second of a pair only after the first", () => {
    for (const group of ["lblan", "lbdmz", "lbintegration"]) {
      const [first, second] = [1, 2].map((ordinal) =>
        services().find((each) => each.name === `${group}${ordinal}-load-balancer-installed`),
      );
      expect(second?.dependencies).toContain(`${group}1-load-balancer-installed`);
      expect(first?.dependencies).not.toContain(`${group}2-load-balancer-installed`);
    }
  });
});

describe("clusters", () => {
  const command = (name: string): Registration | undefined => ofType("command:remote:Command").find((each) => each.name === name);

  it("are joined by one server after the other, once their address is held", () => {
    for (const [group, pair] of [
      ["rkeapp-master", "lblan"],
      ["rkemiddleware-master", "lblan"],
      ["rkedmz", "lbdmz"],
    ] as const) {
      const [first, second, third] = [1, 2, 3].map((ordinal) => command(`${group}${ordinal}-rke2-installed`)?.dependencies ?? []);
      expect(first).toEqual(expect.arrayContaining([`${pair}1-load-balancer-installed`, `${pair}2-load-balancer-installed`]));
      expect(second).toContain(`${group}1-rke2-installed`);
      expect(third).toEqual(expect.arrayContaining([`${group}1-rke2-installed`, `${group}2-rke2-installed`]));
    }
  });

  it("let a node go by another server of its own cluster before its successor joins", () => {
    expect(command("rkedmz1-rke2-installed")?.dependencies).toContain("rkedmz1-membership");
    expect(command("rkedmz1-membership")?.inputs["connection"]).toMatchObject({
      host: plan.machines.find(({ name }) => name === "rkedmz2")?.ip,
    });
    expect(command("rkedmz2-membership")?.inputs["connection"]).toMatchObject({
      host: plan.machines.find(({ name }) => name === "rkedmz1")?.ip,
    });
  });
});

describe("Rancher", () => {
  const one = (type: string, name: string): Registration | undefined => ofType(type).find((each) => each.name === name);

  it("is installed once all nodes of its cluster are ready and its secrets are there, and bootstrapped once it answers", () => {
    const chart = one("kubernetes:helm.cattle.io/v1:HelmChart", "rancher");
    expect(chart?.dependencies).toEqual(
      expect.arrayContaining(["rkemiddleware-master3-rke2-installed", "bootstrap-secret", "tls-ca", "tls-rancher-ingress"]),
    );
    expect(one("rancher2:index/bootstrap:Bootstrap", "rancher")?.dependencies).toContain("rancher-ready-installed");
  });

  it("verifies TLS, keeps tokens secret, and manages the other two clusters", () => {
    const providers = ofType("pulumi:providers:rancher2");
    expect(providers.map((each) => each.name).sort()).toEqual(["rancher", "rancher-bootstrap"]);
    for (const each of providers) {
      expect(each.inputs).toMatchObject({ apiUrl: "https://rancher.sandbox.test", caCerts: "certificate-authority-root" });
      expect(each.inputs["insecure"]).toBe("false");
    }
    expect(one("pulumi:providers:rancher2", "rancher")?.secretInputs).toContain("tokenKey");
    const clusters = ofType("rancher2:index/cluster:Cluster");
    expect(clusters.map((each) => each.name).sort()).toEqual(["apps", "dmz"]);
    for (const each of clusters) expect(each.secretOutputs).toContain("clusterRegistrationToken");
  });

  it("leaves to Helm the one secret that Helm makes again", () => {
    expect(one("kubernetes:core/v1:Secret", "bootstrap-secret")?.ignoreChanges).toEqual(["metadata", "stringData", "data"]);
  });
});

describe("access to clusters", () => {
  it("is one provider each, by a kubeconfig that is secret and a name that lasts", () => {
    const providers = ofType("pulumi:providers:kubernetes");
    expect(Object.fromEntries(providers.map((each) => [each.name, each.inputs["clusterIdentifier"]]))).toEqual({
      "apps-access": "api-apps.sandbox.test",
      "middleware-access": "api-middleware.sandbox.test",
      "dmz-access": "api-dmz.sandbox.test",
    });
    for (const each of providers) expect(each.secretInputs).toContain("kubeconfig");
  });

  it("for auditors shows no Secret and changes nothing", () => {
    const roles = ofType("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole");
    expect(roles).toHaveLength(3);
    for (const role of roles) {
      const rules = role.inputs["rules"] as { apiGroups: string[]; resources: string[]; verbs: string[] }[];
      for (const rule of rules) {
        expect(rule.verbs).toEqual(["get", "list", "watch"]);
        if (rule.apiGroups.includes("")) expect(rule.resources).toEqual(["namespaces", "nodes", "persistentvolumes"]);
      }
    }
    const bound = ofType("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding").map(
      (each) => (each.inputs["roleRef"] as { name: string }).name,
    );
    expect([...new Set(bound)].sort()).toEqual(["platform-auditor", "view"]);
  });
});

it("no generated or given secret leaves its secret wrapping", () => {
  for (const each of all) {
    const open = Object.entries(each.inputs).filter(([key]) => !each.secretInputs.includes(key));
    const text = JSON.stringify(open);
    expect(text, each.name).not.toContain(MADE_UP.password);
    if (!text.includes(MADE_UP.privateKey)) continue;
    expect.unreachable(`${each.type} ${each.name} holds a private key in clear`);
  }
});

it("authority, its keys and the deployer's key are protected", () => {
  const lasting = ["authority-root-key", "authority-root", "authority-issuing-key", "authority-issuing", "deploy-key"];
  expect(
    all
      .filter((each) => lasting.includes(each.name) && each.protect)
      .map((each) => each.name)
      .sort(),
  ).toEqual([...lasting].sort());
});
