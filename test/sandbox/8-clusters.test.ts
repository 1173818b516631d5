// Proves on real API servers and etcd that all planned nodes join and stay one cluster each: the address answers with verified TLS, a server
// may fail, a machine made again takes its place, and what goes wrong says where and what to do.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { attach, edited, eventually, raiseTest, touched } from "./fixture";
import type { RaisedSandbox } from "./fixture";

const CLUSTERS = { apps: "rkeapp-master", middleware: "rkemiddleware-master", dmz: "rkedmz" } as const;
type Cluster = keyof typeof CLUSTERS;
const NAMES = Object.keys(CLUSTERS) as Cluster[];

let sandbox: RaisedSandbox;
const folder = mkdtempSync(join(tmpdir(), "clusters-"));

interface Node {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The real kubectl, with the kubeconfig that the stack gives administrators. */
function kubectl(cluster: Cluster, ...args: readonly string[]): string {
  const configs = sandbox.result.outputs["kubeconfigs"] as Record<Cluster, string>;
  const path = join(folder, `${cluster}.yaml`);
  writeFileSync(path, configs[cluster], { mode: 0o600 });
  return execFileSync(join(sandbox.folder(), "artifacts/kubernetes/kubectl"), ["--kubeconfig", path, "--request-timeout=10s", ...args], {
    encoding: "utf8",
    stdio: "pipe",
  });
}

function nodes(cluster: Cluster): readonly Node[] {
  return (JSON.parse(kubectl(cluster, "get", "nodes", "-o", "json")) as { items: Node[] }).items;
}

function isReady(node: Node): boolean {
  return node.status.conditions?.some((each) => each.type === "Ready" && each.status === "True") ?? false;
}

/** etcd's own word on its members, asked on a server. */
async function members(server: string): Promise<readonly { name: string; isLearner?: boolean }[]> {
  const tls = "/var/lib/rancher/rke2/server/tls/etcd";
  const answer = await sandbox.access.shell(
    server,
    `curl -s --cacert ${tls}/server-ca.crt --cert ${tls}/client.crt --key ${tls}/client.key -d '{}' https://127.0.0.1:2382/v3/cluster/member/list`,
  );
  return (JSON.parse(answer) as { members: { name: string; isLearner?: boolean }[] }).members;
}

/** Asks again while the question itself still fails. */
function holds(question: () => boolean | Promise<boolean>): () => Promise<boolean> {
  return async () => {
    try {
      return await question();
    } catch {
      return false;
    }
  };
}

beforeAll(async () => {
  sandbox = await attach();
});

describe.each(NAMES)("cluster %s", (cluster) => {
  const servers = [1, 2, 3].map((ordinal) => `${CLUSTERS[cluster]}${ordinal}`);

  it("has its three nodes, ready and labelled, and answers at its own address", () => {
    const address = (sandbox.result.outputs["virtualAddresses"] as { name: string; ip: string }[]).find(
      (each) => each.name === `api-${cluster}`,
    );
    const config = parse((sandbox.result.outputs["kubeconfigs"] as Record<Cluster, string>)[cluster]) as {
      clusters: { cluster: Record<string, unknown> }[];
    };
    expect(config.clusters[0]?.cluster).toEqual({
      server: `https://${address?.ip ?? ""}:6443`,
      "certificate-authority-data": expect.stringMatching(/^[A-Za-z0-9+/=]{100,}$/) as string,
    });
    const found = nodes(cluster);
    expect(found.map((node) => node.metadata.name).sort()).toEqual(servers);
    for (const node of found) {
      expect(isReady(node), node.metadata.name).toBe(true);
      expect(node.metadata.labels).toMatchObject({ "node-role.kubernetes.io/control-plane": "true" });
      expect(node.metadata.labels["node.longhorn.io/create-default-disk"]).toBe(cluster === "dmz" ? undefined : "true");
      expect(node.spec.taints ?? []).toEqual([]);
    }
  });

  it("has three voting members of etcd", async () => {
    const found = await members(servers[0] ?? "");
    expect(found.map((each) => each.name.replace(/-[0-9a-f]+$/, "")).sort()).toEqual(servers);
    expect(found.filter((each) => each.isLearner === true)).toEqual([]);
  });

  it("keeps secrets encrypted in etcd, and takes the ingress' settings", () => {
    const stored = kubectl(cluster, "get", "helmchartconfig", "-n", "kube-system", "rke2-traefik", "-o", "jsonpath={.spec.valuesContent}");
    expect(stored).toContain("ping@internal");
    kubectl(cluster, "get", "secret", "-n", "kube-system", "platform-ingress");
  });
});

it("secrets lie in etcd in no readable form", async () => {
  kubectl("apps", "create", "secret", "generic", "test-secret", "--from-literal=key=find-me-in-etcd");
  await sandbox.access.shell("rkeapp-master1", "sync");
  const found = await sandbox.access.attempt("rkeapp-master1", "grep -rqa find-me-in-etcd /var/lib/rancher/rke2/server/db/etcd");
  kubectl("apps", "delete", "secret", "test-secret");
  expect(found.ok).toBe(false);
});

it("a stopped first server costs neither the address nor a write, and comes back", async () => {
  await sandbox.access.stop("rkemiddleware-master1");
  try {
    await eventually(
      "the API answers without its first server",
      holds(() => kubectl("middleware", "get", "--raw", "/readyz") === "ok"),
    );
    kubectl("middleware", "create", "configmap", "written-meanwhile", "--from-literal=key=value");
  } finally {
    await sandbox.access.start("rkemiddleware-master1");
  }
  await eventually(
    "all three vote again",
    holds(async () => (await members("rkemiddleware-master1")).length === 3 && nodes("middleware").every(isReady)),
  );
  expect(kubectl("middleware", "get", "configmap", "written-meanwhile", "-o", "jsonpath={.data.key}")).toBe("value");
});

it("a server whose machine is lost is forgotten, made again, and joins: the first one too", async () => {
  await sandbox.access.vanish("rkedmz1");
  const result = await raiseTest();
  expect(touched(result)).toEqual(expect.arrayContaining(["rkedmz1", "rkedmz1-membership", "rkedmz1-rke2-installed"]));
  sandbox = await attach();
  const found = await members("rkedmz2");
  expect(found.map((each) => each.name.replace(/-[0-9a-f]+$/, "")).sort()).toEqual(["rkedmz1", "rkedmz2", "rkedmz3"]);
  expect(nodes("dmz").map((node) => [node.metadata.name, isReady(node)])).toEqual([
    ["rkedmz1", true],
    ["rkedmz2", true],
    ["rkedmz3", true],
  ]);
});

it("an edit of the clusters' own networks is refused before anything is touched", async () => {
  const stackFile = edited({ "platform:users: 100": "platform:users: 100\n  platform:clusters: { podNetwork: 10.44.0.0/16 }" });
  await expect(raiseTest({ stackFile })).rejects.toThrow(/cluster-(apps|middleware|dmz)-token.*protect/s);
  expect(await sandbox.access.shell("rkeapp-master1", "cat /etc/rancher/rke2/config.yaml")).toContain("cluster-cidr: 10.42.0.0/16");
});

describe("what goes wrong says where, and what to do", () => {
  const join_ = "/usr/local/lib/platform/rke2/join.py";

  it("a wrong token", async () => {
    const config = "/etc/rancher/rke2/config.yaml";
    await sandbox.access.shell("rkeapp-master3", `cp -a ${config} /run/kept && sed -i 's/^token: .*/token: wrong/' ${config}`);
    await sandbox.access.shell("rkeapp-master3", "systemctl stop rke2-server; mv /var/lib/rancher/rke2/server /run/kept-server");
    const { ok, output } = await sandbox.access.attempt("rkeapp-master3", join_);
    await sandbox.access.shell(
      "rkeapp-master3",
      `systemctl stop rke2-server; rm -rf /var/lib/rancher/rke2/server && mv /run/kept-server /var/lib/rancher/rke2/server && cp -a /run/kept ${config} && PLATFORM_SECRET_REPORT=/dev/null ${join_}`,
    );
    expect(ok).toBe(false);
    expect(output).toContain("rkeapp-master3 of cluster apps: rke2-server has not come up");
    expect(output).toContain("its token is not the cluster's");
  });

  it("a full disk", async () => {
    const { ok, output } = await sandbox.access.attempt(
      "rkeapp-master2",
      `sed 's/^LEAST_FREE_GIB = .*/LEAST_FREE_GIB = 100000/' ${join_} > /usr/local/lib/platform/rke2/test.py && python3 /usr/local/lib/platform/rke2/test.py; code=$?; rm /usr/local/lib/platform/rke2/test.py; exit $code`,
    );
    expect(ok).toBe(false);
    expect(output).toMatch(
      /rkeapp-master2 of cluster apps: [\d.]+ GiB are free below \/var\/lib\/rancher\/rke2, RKE2 wants 100000 at least: make room/,
    );
  });

  it("a cluster's address that nobody holds", async () => {
    const nobody = `${sandbox.machine("lblan1").address.split(".").slice(0, 3).join(".")}.250`;
    const { ok, output } = await sandbox.access.attempt(
      "rkeapp-master2",
      `cd /usr/local/lib/platform/rke2 && sed -e 's/^ADDRESS_SECONDS = .*/ADDRESS_SECONDS = 2/' -e 's/^SERVER = .*/SETTINGS["api"] = "${nobody}"\\n&/' join.py > test.py && python3 test.py; code=$?; rm test.py; exit $code`,
    );
    expect(ok).toBe(false);
    expect(output).toContain(
      `rkeapp-master2 of cluster apps: nothing answers at ${nobody}:9345, the cluster's own address, after 2 s: look at the load balancers that hold it`,
    );
  });

  it("an archive of another version, which replaces nothing", async () => {
    const { ok, output } = await sandbox.access.attempt(
      "rkeapp-master2",
      `cd /etc/platform/rke2 && cp -a settings.json /run/kept.json && sed -i 's/1.36.3-stand-in/1.36.99-stand-in/' settings.json && /usr/local/lib/platform/rke2/install-rke2.sh; code=$?; cp -a /run/kept.json settings.json; exit $code`,
    );
    expect(ok).toBe(false);
    expect(output).toContain(
      "the archive holds RKE2 v1.36.3-stand-in, the platform's version is v1.36.99-stand-in, so nothing was changed: put the right archive there",
    );
    expect(await sandbox.access.shell("rkeapp-master2", "rke2 --version")).toContain("v1.36.3-stand-in");
  });

  it("a key that RKE2 does not know", async () => {
    const drop = "/etc/rancher/rke2/config.yaml.d/99-test.yaml";
    await sandbox.access.shell("rkeapp-master2", `mkdir -p $(dirname ${drop}) && echo 'no-such-key: true' > ${drop}`);
    const { ok, output } = await sandbox.access.attempt("rkeapp-master2", `rm -f /var/lib/platform/rke2-running; ${join_}`);
    await sandbox.access.shell("rkeapp-master2", `rm ${drop} && PLATFORM_SECRET_REPORT=/dev/null ${join_}`);
    expect(ok).toBe(false);
    expect(output).toContain("unknown configuration keys for rke2 server: no-such-key");
  });

  it("and the other clusters never noticed", () => {
    for (const cluster of NAMES) expect(nodes(cluster).map(isReady)).toEqual([true, true, true]);
  });
});
