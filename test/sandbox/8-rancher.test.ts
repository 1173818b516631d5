// Proves that Rancher answers under its own name, manages all three clusters through agents that verify its certificate, and that pods,
// auditors and charts may do what they should and no more.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { auditorKubeconfig } from "../../src/cli/auditor";
import { attach, eventually } from "./fixture";
import type { RaisedSandbox } from "./fixture";

const HOST = "rancher.sandbox.test";
const AGENT = ["--namespace", "cattle-system", "deployment/cattle-cluster-agent"] as const;
const folder = mkdtempSync(join(tmpdir(), "rancher-"));
let sandbox: RaisedSandbox;

function configs(): Readonly<Record<string, string>> {
  return sandbox.result.outputs["kubeconfigs"] as Record<string, string>;
}

/** The real kubectl with a kubeconfig of this text. */
function kubectlWith(text: string, ...args: readonly string[]): { ok: boolean; output: string } {
  const path = join(folder, `${text.length}-${Buffer.from(text).subarray(-20).toString("hex")}.yaml`);
  writeFileSync(path, text, { mode: 0o600 });
  const program = join(sandbox.folder(), "artifacts/kubernetes/kubectl");
  const { status, stdout, stderr } = spawnSync(program, ["--kubeconfig", path, "--request-timeout=20s", ...args], { encoding: "utf8" });
  return { ok: status === 0, output: stdout + stderr };
}

function kubectl(cluster: string, ...args: readonly string[]): string {
  const { ok, output } = kubectlWith(configs()[cluster] ?? "", ...args);
  if (!ok) throw new Error(output);
  return output;
}

/** Asked of Rancher from this machine, through the load balancers, its certificate verified against the platform's root alone. */
function ask(path: string, ...more: readonly string[]): { status: number; body: string } {
  const root = join(folder, "root.pem");
  writeFileSync(root, String(sandbox.result.outputs["rootCertificate"]));
  const addresses = sandbox.result.outputs["virtualAddresses"] as { name: string; ip: string }[];
  const lblan = addresses.find((each) => each.name === "lblan")?.ip ?? "";
  const flags = [
    "--silent",
    "--show-error",
    "--max-time",
    "20",
    "--cacert",
    root,
    "--resolve",
    `${HOST}:443:${lblan}`,
    "--write-out",
    "\n%{http_code}",
  ];
  const output = execFileSync("curl", [...flags, ...more, `https://${HOST}${path}`], { encoding: "utf8", stdio: "pipe" });
  const at = output.lastIndexOf("\n");
  return { status: Number(output.slice(at + 1)), body: output.slice(0, at) };
}

function logIn(password: string): number {
  const file = join(folder, "login.json");
  writeFileSync(file, JSON.stringify({ type: "localProvider", username: "admin", password }), { mode: 0o600 });
  return ask("/v1-public/login", "--header", "Content-Type: application/json", "--data", `@${file}`).status;
}

/** What Rancher says of each of its clusters. */
function clusters(): Readonly<Record<string, { connected: string; ready: string }>> {
  const { items } = JSON.parse(kubectl("middleware", "get", "clusters.management.cattle.io", "-o", "json")) as {
    items: { spec: { displayName: string }; status?: { conditions?: { type: string; status: string }[] } }[];
  };
  const said = (each: (typeof items)[number], type: string): string =>
    each.status?.conditions?.find((condition) => condition.type === type)?.status ?? "";
  return Object.fromEntries(
    items.map((each) => [each.spec.displayName, { connected: said(each, "Connected"), ready: said(each, "Ready") }]),
  );
}

beforeAll(async () => {
  sandbox = await attach();
});

describe("Rancher", () => {
  it("answers under its own name, and lets in its administrator alone", async () => {
    expect(ask("/ping")).toEqual({ status: 200, body: "pong" });
    expect(ask("/v3/clusters").status).toBe(401);
    expect(logIn("not-the-password")).toBe(401);
    expect(logIn((await sandbox.passwords())["rancher-administrator"] ?? "")).toBe(201);
  });

  it("has three copies on three nodes, and one of them is enough", async () => {
    const names = kubectl(
      "middleware",
      "get",
      "pods",
      "-n",
      "cattle-system",
      "-l",
      "app=rancher",
      "-o",
      "jsonpath={.items[*].spec.nodeName}",
    );
    expect(new Set(names.split(" ")).size).toBe(3);
    kubectl("middleware", "scale", "-n", "cattle-system", "deployment/rancher", "--replicas=1");
    try {
      kubectl("middleware", "rollout", "status", "-n", "cattle-system", "deployment/rancher", "--timeout=60s");
      await eventually("the one copy left answers", () => Promise.resolve(ask("/ping").status === 200));
    } finally {
      kubectl("middleware", "scale", "-n", "cattle-system", "deployment/rancher", "--replicas=3");
    }
    kubectl("middleware", "rollout", "status", "-n", "cattle-system", "deployment/rancher", "--timeout=120s");
  });

  it("calls all three clusters active", () => {
    const active = { connected: "True", ready: "True" };
    expect(clusters()).toEqual({ local: active, apps: active, dmz: active });
  });
});

describe("an agent", () => {
  it("is told to verify, and whom to believe", () => {
    for (const cluster of ["apps", "dmz"]) {
      const { items } = JSON.parse(kubectl(cluster, "get", "deployments", "-n", "cattle-system", "-o", "json")) as {
        items: { spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } } }[];
      };
      const env = items[0]?.spec.template.spec.containers[0]?.env ?? [];
      expect(Object.fromEntries(env.map(({ name, value }) => [name, value]))).toMatchObject({
        CATTLE_SERVER: `https://${HOST}`,
        STRICT_VERIFY: "true",
        CATTLE_CA_CHECKSUM: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
    }
  });

  it("that is to believe another authority ends, and its cluster is no longer active until it may come back", async () => {
    const told = kubectl("dmz", "get", ...AGENT, "-o", 'jsonpath={..env[?(@.name=="CATTLE_CA_CHECKSUM")].value}');
    kubectl("dmz", "set", "env", ...AGENT, `CATTLE_CA_CHECKSUM=${"0".repeat(64)}`);
    kubectl("dmz", "scale", ...AGENT, "--replicas=0");
    kubectl("dmz", "scale", ...AGENT, "--replicas=1");
    await eventually("the agent ends", () =>
      Promise.resolve(
        /checksum/i.test(kubectlWith(configs()["dmz"] ?? "", "logs", "-n", "cattle-system", "-l", "app=cattle-cluster-agent").output),
      ),
    );
    await eventually("Rancher misses the cluster", () => Promise.resolve(clusters()["dmz"]?.connected === "False"));
    expect(clusters()["apps"]?.connected).toBe("True");
    kubectl("dmz", "set", "env", ...AGENT, `CATTLE_CA_CHECKSUM=${told}`);
    await eventually("the agent is back", () => Promise.resolve(clusters()["dmz"]?.ready === "True"));
  });

  it("is left alone when its cluster has it already", async () => {
    const generation = (): string => kubectl("apps", "get", ...AGENT, "-o", "jsonpath={.metadata.generation}");
    const before = generation();
    await sandbox.access.shell("rkeapp-master1", "/usr/local/lib/platform/rancher/import-cluster.py");
    expect(generation()).toBe(before);
  });
});

describe("in a cluster", () => {
  it("pods are restricted, save where the platform's own cannot be", () => {
    const run = (namespace: string): { ok: boolean; output: string } =>
      kubectlWith(configs()["apps"] ?? "", "run", "probe", "-n", namespace, "--image=none", "--dry-run=server", "--privileged");
    expect(run("default").output).toContain('violates PodSecurity "restricted:latest"');
    expect(run("cattle-system").ok).toBe(true);
  });

  it("an auditor reads all but secrets, and changes nothing", async () => {
    const { text: auditor, until } = await auditorKubeconfig(configs()["middleware"] ?? "", 1);
    expect(Math.abs(new Date(until).getTime() - Date.now() - 3_600_000)).toBeLessThan(120_000);
    const may = (...args: readonly string[]): boolean => kubectlWith(auditor, ...args).ok;
    expect(may("get", "pods,deployments,configmaps", "--all-namespaces")).toBe(true);
    expect(may("get", "nodes,clusterroles,customresourcedefinitions,storageclasses")).toBe(true);
    expect(kubectlWith(auditor, "get", "secrets", "--all-namespaces").output).toContain("Forbidden");
    expect(kubectlWith(auditor, "create", "namespace", "mine").output).toContain("Forbidden");
    expect(kubectlWith(auditor, "create", "token", "default").output).toContain("is forbidden");
  });

  it("the DMZ's machines reach of Rancher what an agent needs, and no log-in", async () => {
    const status = (path: string): Promise<string> =>
      sandbox.access.shell("rkedmz1", `curl -s -o /dev/null -w '%{http_code}' --max-time 20 https://${HOST}${path}`);
    expect(await status("/ping")).toBe("200");
    expect([await status("/v1-public/login"), await status("/%76%31-public/login"), await status("/dashboard/")]).toEqual([
      "403",
      "403",
      "403",
    ]);
  });

  it("no load balancer notes the token of an import", async () => {
    const logged = await Promise.all(
      ["lblan1", "lblan2"].map((each) => sandbox.access.shell(each, "journalctl --unit haproxy --no-pager | grep /v3/import/ || true")),
    );
    const lines = logged
      .join("")
      .split("\n")
      .filter((line) => line !== "");
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/ GET \/v3\/import\/$/);
  });

  it("a chart comes from the platform's own registry, over verified TLS", () => {
    const spec = JSON.parse(kubectl("middleware", "get", "helmchart", "-n", "kube-system", "rancher", "-o", "jsonpath={.spec}")) as Record<
      string,
      string
    >;
    expect(spec).toMatchObject({ chart: "oci://registry.sandbox.test/charts/rancher", version: "2.15.1-stand-in" });
    expect(spec["repoCA"]).toBe(sandbox.result.outputs["rootCertificate"]);
    expect(JSON.stringify(spec)).not.toContain("password");
  });
});
