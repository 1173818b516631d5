// Proves the registry and the Git server by their own protocols, over TLS that verifies: who may push, who may only pull, who is refused,
// that both survive a restart, and that Git comes back from its backup.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { RaisedSandbox } from "./fixture";
import { attach, edited, eventually, raiseTest, touched } from "./fixture";

let sandbox: RaisedSandbox;
let ca: string;
let passwords: Readonly<Record<string, string>>;

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

function virtualAddress(name: string): string {
  return (sandbox.result.outputs["virtualAddresses"] as { name: string; ip: string }[]).find((each) => each.name === name)?.ip ?? "";
}

/** A request to a service by its name, through LBLAN, as its clients make it. */
function ask(
  method: string,
  host: string,
  path: string,
  options: { account?: string; body?: Buffer; type?: string; accept?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        method,
        host: virtualAddress("lblan"),
        servername: host,
        ca,
        path,
        agent: false,
        headers: {
          host,
          ...(options.account === undefined ? {} : { authorization: `Basic ${Buffer.from(options.account).toString("base64")}` }),
          ...(options.accept === undefined ? {} : { accept: options.accept }),
          ...(options.type === undefined ? {} : { "content-type": options.type }),
          ...(options.body === undefined ? {} : { "content-length": options.body.length }),
        },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) });
        });
      },
    );
    call.on("error", reject);
    call.end(options.body);
  });
}

const digest = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

beforeAll(async () => {
  sandbox = await attach();
  ca = String(sandbox.result.outputs["rootCertificate"]);
  passwords = await sandbox.passwords();
});

describe("registry", () => {
  const host = "registry.sandbox.test";
  const config = Buffer.from("{}");
  const layer = Buffer.from("a layer of an image");
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", size: config.length, digest: digest(config) },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", size: layer.length, digest: digest(layer) }],
    }),
  );
  const deployer = (): string => `deployer:${passwords["registry-deployer"] ?? ""}`;
  const nodes = (): string => `nodes:${passwords["registry-nodes"] ?? ""}`;

  const upload = async (account: string, content: Buffer): Promise<number> => {
    const started = await ask("POST", host, "/v2/test/image/blobs/uploads/", { account });
    if (started.status !== 202) return started.status;
    const location = String(started.headers["location"]);
    const query = `${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest(content))}`;
    return (
      await ask("PUT", host, `${location.replace(/^https:\/\/[^/]+/, "")}${query}`, {
        account,
        body: content,
        type: "application/octet-stream",
      })
    ).status;
  };
  const push = async (account: string): Promise<readonly number[]> => [
    await upload(account, config),
    await upload(account, layer),
    (await ask("PUT", host, "/v2/test/image/manifests/1", { account, body: manifest, type })).status,
  ];
  /** As a node's container runtime does: at the registry's own port, with the nodes' account. */
  const pullOnNode = (node: string): Promise<string> => {
    const address = sandbox.machine("gitops1").address;
    const path = `/v2/test/image/blobs/${digest(layer)}`;
    return sandbox.access.shell(
      node,
      `printf 'user = "%s"\\n' '${nodes()}' | curl -sf -m 20 --config - --resolve ${host}:8443:${address} https://${host}:8443${path}`,
    );
  };

  it("takes an image from the deployer and gives it to nodes of every zone", async () => {
    expect(await push(deployer())).toEqual([201, 201, 201]);
    expect((await ask("GET", host, "/v2/test/image/manifests/1", { account: nodes(), accept: type })).body).toEqual(manifest);
    for (const node of ["rkeapp-master1", "rkedmz1"]) expect(await pullOnNode(node)).toBe(layer.toString());
  });

  it("refuses strangers, wrong passwords, and the nodes' account where it would write", async () => {
    expect((await ask("GET", host, "/v2/test/image/manifests/1")).status).toBe(401);
    expect((await ask("GET", host, "/v2/test/image/manifests/1", { account: "nodes:guess" })).status).toBe(401);
    expect(await push("deployer:guess")).toEqual([401, 401, 401]);
    expect(await push(nodes())).toEqual([403, 403, 403]);
    expect(await push("")).toEqual([403, 403, 403]);
  });

  it("keeps what it has over a restart and a garbage collection, and takes images again after that", async () => {
    await sandbox.access.shell("gitops1", "systemctl restart platform-registry && systemctl start platform-registry-collect");
    await eventually("the registry serves", async () => (await ask("GET", host, "/v2/", { account: nodes() })).status === 200);
    expect(await pullOnNode("rkeapp-master1")).toBe(layer.toString());
    expect(await push(deployer())).toEqual([201, 201, 201]);
  });

  it("is read-only while garbage is collected", async () => {
    const unit = "REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: true}";
    await sandbox.access.shell(
      "gitops1",
      `mkdir -p /run/systemd/system/platform-registry.service.d && printf '[Service]\\nEnvironment="${unit}"\\n' > /run/systemd/system/platform-registry.service.d/readonly.conf && systemctl daemon-reload && systemctl restart platform-registry`,
    );
    await eventually("the registry serves", async () => (await ask("GET", host, "/v2/", { account: nodes() })).status === 200);
    const refused = await ask("POST", host, "/v2/test/image/blobs/uploads/", { account: deployer() });
    await sandbox.access.shell(
      "gitops1",
      "rm -r /run/systemd/system/platform-registry.service.d && systemctl daemon-reload && systemctl restart platform-registry",
    );
    expect(refused.status).toBe(405);
  });
});

describe("git", () => {
  const host = "gogs.sandbox.test";
  const folder = mkdtempSync(join(tmpdir(), "git-"));

  /** The real git, knowing only the platform's authority; the password comes from a program, not from the command line. */
  const git = (account: string | undefined, ...args: readonly string[]): { ok: boolean; output: string } => {
    const askpass = join(folder, "askpass.sh");
    writeFileSync(askpass, `#!/bin/sh\ncat ${join(folder, "password")}\n`, { mode: 0o700 });
    writeFileSync(
      join(folder, "password"),
      account === undefined ? "" : (passwords[`gogs-${account === "argocd" ? "argocd" : "deployer"}`] ?? ""),
      { mode: 0o600 },
    );
    writeFileSync(join(folder, "ca.pem"), ca);
    const settings = [`http.curloptResolve=${host}:443:${virtualAddress("lblan")}`, "user.name=test", "user.email=test@sandbox.test"];
    const { status, stdout, stderr } = spawnSync("git", [...settings.flatMap((each) => ["-c", each]), ...args], {
      encoding: "utf8",
      env: {
        ...process.env,
        GIT_ASKPASS: account === undefined ? "/bin/false" : askpass,
        GIT_TERMINAL_PROMPT: "0",
        GIT_SSL_CAINFO: join(folder, "ca.pem"),
        GIT_CONFIG_GLOBAL: "/dev/null",
      },
    });
    return { ok: status === 0, output: stdout + stderr };
  };
  const url = (account?: string): string => `https://${account === undefined ? "" : `${account}@`}${host}/deployer/platform.git`;

  it("takes a push from the deployer and gives it to Argo CD", () => {
    const work = join(folder, "work");
    execFileSync("git", ["init", "--quiet", "--initial-branch", "main", work]);
    writeFileSync(join(work, "README"), "one\n");
    expect(git("deployer", "-C", work, "add", ".").ok).toBe(true);
    expect(git("deployer", "-C", work, "commit", "--quiet", "-m", "One").ok).toBe(true);
    const pushed = git("deployer", "-C", work, "push", "--quiet", url("deployer"), "main");
    expect(pushed.ok, pushed.output).toBe(true);
    const cloned = git("argocd", "clone", "--quiet", url("argocd"), join(folder, "clone"));
    expect(cloned.ok, cloned.output).toBe(true);
  });

  it("refuses strangers, and Argo CD where it would write", () => {
    expect(git(undefined, "ls-remote", url()).output).toMatch(/could not read Username|Authentication failed/);
    expect(git("argocd", "-C", join(folder, "work"), "push", url("argocd"), "main:other").output).toContain("403");
  });

  it("does not show its innards", async () => {
    expect((await ask("GET", host, "/debug/pprof/")).status).toBe(404);
    expect((await ask("GET", host, "/urlmap.json")).status).toBe(404);
    expect((await ask("GET", host, "/%64ebug/pprof/")).status).toBe(404);
  });

  it("lets Argo CD's account make no repository of its own", async () => {
    const made = JSON.parse(
      await sandbox.access.program(
        "gitops1",
        `
import base64, json, sys, urllib.error, urllib.request
request = urllib.request.Request("http://127.0.0.1:3000/api/v1/user/repos", data=b'{"name": "own"}', method="POST")
request.add_header("Content-Type", "application/json")
request.add_header("Authorization", "Basic " + base64.b64encode(("argocd:" + json.load(sys.stdin)).encode()).decode())
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
`,
        JSON.stringify(passwords["gogs-argocd"]),
      ),
    ) as number;
    expect(made).toBe(500);
  });

  it("a machine of the DMZ reaches its back ends through LBLAN, and no console", async () => {
    const from = async (name: string): Promise<string> =>
      sandbox.access.shell(
        "rkedmz1",
        `curl -s -o /dev/null -w '%{http_code}' --resolve ${name}:443:${virtualAddress("lblan")} https://${name}/healthcheck`,
      );
    expect(await from(host)).toBe("200");
    expect(await from("minio-backup.sandbox.test")).toBe("403");
    expect(await from("longhorn-apps.sandbox.test")).toBe("403");
  });

  it("comes back from its backup", async () => {
    await sandbox.access.shell("gitops1", "systemctl start platform-backup-gogs.service");
    await sandbox.access.shell("gitops1", "rm -rf /srv/gogs/repositories/deployer /srv/gogs/data/gogs.db");
    await sandbox.access.shell("gitops1", "/usr/local/lib/platform/gogs/restore.sh");
    await eventually("Gogs serves", async () => (await ask("GET", host, "/healthcheck")).status === 200);
    const listed = git("argocd", "ls-remote", url("argocd"));
    expect(listed.output).toContain("refs/heads/main");
  });
});

it("a rotated password is the only one that lets in, everywhere it is used, and taking the edit back rotates once more", async () => {
  const before = passwords;
  // The nodes' own password restarts RKE2 everywhere: test/drills.
  const names = ["registry-deployer", "gogs-admin", "gogs-argocd", "backup-gogs", "backup-administrator"];
  const rotations = names.map((name) => `${name}: again`).join(", ");
  const result = await raiseTest({
    stackFile: edited({ "platform:versions:": `platform:rotations: { ${rotations} }\n  platform:versions:` }),
  });
  expect(touched(result).filter((name) => name.endsWith("-installed"))).toEqual([
    "gitops1-gogs-backup-installed",
    "gitops1-gogs-installed",
    "gitops1-registry-installed",
    "monitoring1-backup-store-installed",
  ]);
  passwords = await sandbox.passwords();
  for (const name of names) expect(passwords[name]).not.toBe(before[name]);
  const registry = async (password: string | undefined): Promise<number> =>
    (await ask("GET", "registry.sandbox.test", "/v2/", { account: `deployer:${password ?? ""}` })).status;
  expect([await registry(before["registry-deployer"]), await registry(passwords["registry-deployer"])]).toEqual([401, 200]);
  const git = async (account: string, password: string | undefined): Promise<number> =>
    (await ask("GET", "gogs.sandbox.test", `/api/v1/users/${account}/tokens`, { account: `${account}:${password ?? ""}` })).status;
  expect([await git("argocd", before["gogs-argocd"]), await git("argocd", passwords["gogs-argocd"])]).toEqual([403, 200]);
  expect([await git("platform-admin", before["gogs-admin"]), await git("platform-admin", passwords["gogs-admin"])]).toEqual([403, 200]);
  await sandbox.access.shell("gitops1", "systemctl start platform-backup-gogs.service");
  await raiseTest();
  expect((await sandbox.passwords())["registry-deployer"]).not.toBe(passwords["registry-deployer"]);
});
