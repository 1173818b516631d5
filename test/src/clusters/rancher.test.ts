// Proves what RKE2's Helm controller is asked for: the chart from the right place, values that fit the tier, nothing that it would rewrite.
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { rancherChart, rancherValues } from "../../../src/clusters/rancher/chart";
import { renderPodSecurity } from "../../../src/clusters/rke2/pod-security";
import { requirePlatform } from "../../../src/config/parse";
import { planPlatform } from "../../../src/plan/platform-plan";
import { rawStack } from "../config/valid";

const ROOT = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----\n";

function chart(changes: Readonly<Record<string, unknown>>): {
  spec: Readonly<Record<string, unknown>>;
  values: Readonly<Record<string, unknown>>;
} {
  const config = requirePlatform("prod", { ...rawStack("prod"), ...changes });
  const plan = planPlatform(config);
  return { spec: rancherChart(config, plan, ROOT), values: rancherValues(config, plan, ROOT) };
}

it("a connected site takes the publisher's chart, of the tested version", () => {
  const { spec, values } = chart({ artifacts: { mode: "connected" } });
  expect(spec).toMatchObject({
    chart: "rancher",
    repo: "https://releases.rancher.com/server-charts/stable",
    version: "2.15.1",
    targetNamespace: "cattle-system",
    failurePolicy: "retry",
  });
  expect(parse(String(spec["valuesContent"]))).toEqual(values);
});

it("a mirrored one takes it from the platform's registry, with its login and authority, and the images too", () => {
  const { spec, values } = chart({ artifacts: { mode: "mirrored" } });
  expect(spec).toMatchObject({
    chart: "oci://prod-registry.platform.example.org/charts/rancher",
    repoCA: ROOT,
    dockerRegistrySecret: { name: "platform-chart-registry" },
  });
  expect(spec["repo"]).toBeUndefined();
  expect(values).toMatchObject({ systemDefaultRegistry: "prod-registry.platform.example.org", useBundledSystemChart: true });
});

it("durations are as Go writes them, or the controller's own writing would take the field", () => {
  expect(String(chart({}).spec["timeout"])).toMatch(/^(\d+h\d+m|[1-9]\d*m)?\d+s$/);
});

it("three copies verify agents' way in, ask for what their tier gives, and start again for another root", () => {
  expect(chart({ users: 10000 }).values).toMatchObject({
    hostname: "prod-rancher.platform.example.org",
    replicas: 3,
    agentTLSMode: "strict",
    privateCA: true,
    ingress: { tls: { source: "secret" } },
    resources: { requests: { cpu: "500m", memory: "1024Mi" } },
    extraEnv: [{ name: "PLATFORM_ROOT_SHA256", value: createHash("sha256").update(ROOT).digest("hex") }],
  });
});

it("only the cluster where Rancher runs exempts the namespaces that Rancher makes there", () => {
  const exempt = (cluster: "apps" | "middleware" | "dmz"): readonly string[] =>
    (parse(renderPodSecurity(cluster)) as { plugins: { configuration: { exemptions: { namespaces: string[] } } }[] }).plugins[0]
      ?.configuration.exemptions.namespaces ?? [];
  const agents = ["cattle-fleet-system", "cattle-impersonation-system", "cattle-system", "kube-system"];
  expect([...exempt("apps")].sort()).toEqual(agents);
  expect([...exempt("dmz")].sort()).toEqual(agents);
  expect(exempt("middleware")).toHaveLength(9);
});
