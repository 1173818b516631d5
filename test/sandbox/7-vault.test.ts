// Proves on the real server that Vault is sealed after a restart and unsealed by one command, that its snapshot gives an emptied server its
// secrets back, that what the program needs to know of it is in no state, and that a new certificate restarts nothing.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { operatorIdentity } from "../../sandbox/engine";
import { parseHandover, sealStatus, unseal } from "../../src/cli/vault";
import type { Handover } from "../../src/cli/vault";
import type { RaisedSandbox } from "./fixture";
import { attach, edited, eventually, raiseTest, touched } from "./fixture";

const ROOT = join(__dirname, "../..");
let sandbox: RaisedSandbox;
let handover: Handover;
let handoverFile: string;

/** A call of Vault's API, TLS verified by what the hand-over says. */
function vault(method: string, path: string, body?: object, token?: string): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const call = request(
      new URL(`/v1/${path}`, handover.address),
      {
        method,
        ca: handover.rootCertificate,
        servername: handover.serverName,
        agent: false,
        headers: token === undefined ? {} : { "X-Vault-Token": token },
      },
      (response) => {
        let text = "";
        response.on("data", (part: Buffer) => (text += part.toString()));
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body: text.trim() === "" ? {} : (JSON.parse(text) as Record<string, unknown>) });
        });
      },
    );
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The deployer's token, by the account that the machine holds for it. */
async function login(): Promise<string> {
  const account = JSON.parse(await sandbox.access.shell("vault1", "cat /etc/platform/vault/accounts.json")) as Record<
    string,
    { roleId: string; secretId: string }
  >;
  const { status, body } = await vault("PUT", "auth/approle/login", {
    role_id: account["platform-deployer"]?.roleId,
    secret_id: account["platform-deployer"]?.secretId,
  });
  expect(status).toBe(200);
  return (body["auth"] as { client_token: string }).client_token;
}

async function secretAt(path: string): Promise<unknown> {
  const { body } = await vault("GET", `platform/data/${path}`, undefined, await login());
  return (body["data"] as { data: unknown } | undefined)?.data;
}

const sealed = async (): Promise<boolean> => (await sealStatus(handover)).sealed;
const answers = async (): Promise<boolean> => {
  try {
    await sealStatus(handover);
    return true;
  } catch {
    return false;
  }
};
const active = async (): Promise<boolean> => (await vault("GET", "sys/health")).status === 200;

beforeAll(async () => {
  sandbox = await attach();
  const name = `vault-handover-${String(sandbox.result.outputs["vaultInitialisation"])}.json`;
  handoverFile = join(sandbox.folder(), name);
  handover = parseHandover(readFileSync(handoverFile, "utf8"), name);
});

it("holds every credential that the program has made", async () => {
  const passwords = await sandbox.passwords();
  expect(await secretAt("registry/nodes")).toEqual({ username: "nodes", password: passwords["registry-nodes"] });
  expect(await secretAt("gogs/argocd")).toEqual({ username: "argocd", password: passwords["gogs-argocd"] });
  expect(await secretAt("backup-store/etcd")).toEqual({ accessKey: "backup-etcd", secretKey: passwords["backup-etcd"] });
});

it("its deployer may not read the audit log's settings, take snapshots or make tokens", async () => {
  const token = await login();
  for (const [method, path] of [
    ["GET", "sys/audit"],
    ["GET", "sys/storage/raft/snapshot"],
    ["POST", "auth/token/create"],
    ["PUT", "sys/seal"],
  ] as const)
    expect((await vault(method, path, method === "GET" ? undefined : {}, token)).status, path).toBe(403);
});

it("the hand-over left the machine, and holds no share in clear", async () => {
  expect((await sandbox.access.attempt("vault1", "ls /var/lib/platform/vault-handover.json")).ok).toBe(false);
  expect(handover.shares).toHaveLength(1);
  for (const { encrypted } of handover.shares) expect(encrypted).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/);
  const share = execFileSync("age", ["--decrypt", "--identity", operatorIdentity(sandbox.folder())], {
    input: handover.shares[0]?.encrypted ?? "",
    encoding: "utf8",
  });
  expect(share.trim()).toMatch(/^[A-Za-z0-9+/]{40,}={0,2}$/);
  expect(await sandbox.pulumi("stack", "export", "--show-secrets")).not.toContain(share.trim());
});

it("is sealed after a restart of its machine, and one command unseals it with nothing lost", async () => {
  await sandbox.access.stop("vault1");
  await sandbox.access.start("vault1");
  await eventually("Vault answers", answers);
  expect(await sealed()).toBe(true);
  await expect(raiseSealed()).rejects.toThrow("Vault is sealed");
  const command = ["src/cli/platform.cjs", "unseal", "--handover", handoverFile, "--identity", operatorIdentity(sandbox.folder())];
  expect(execFileSync("node", command, { cwd: ROOT, encoding: "utf8" })).toBe("Vault is unsealed\n");
  await eventually("Vault is active", active);
  expect(await secretAt("registry/nodes")).toMatchObject({ username: "nodes" });
});

/** An `up` that does not play the operator. */
async function raiseSealed(): Promise<unknown> {
  const { stack } = await sandbox.open();
  return stack.up({ refresh: true });
}

it("says what is missing when nobody's key is given", async () => {
  await sandbox.access.shell("vault1", "systemctl restart platform-vault");
  await eventually("Vault answers", answers);
  await expect(unseal(handover, undefined)).rejects.toThrow("name your age identity with --identity FILE");
  expect(await unseal(handover, operatorIdentity(sandbox.folder()))).toBe("Vault is unsealed");
  await eventually("Vault is active", active);
  expect(await unseal(handover, operatorIdentity(sandbox.folder()))).toBe("Vault is not sealed: nothing to do");
});

it("says whose hand-over was brought when it is another Vault's", async () => {
  await sandbox.access.shell("vault1", "systemctl restart platform-vault");
  await eventually("Vault answers", answers);
  const shares = handover.shares.map(({ operatorKey }) => ({
    operatorKey,
    encrypted: execFileSync("age", ["--armor", "--recipient", operatorKey], {
      input: randomBytes(32).toString("base64"),
      encoding: "utf8",
    }),
  }));
  const others = { ...handover, shares, initialisation: "20200101T000000Z" };
  await expect(unseal(others, operatorIdentity(sandbox.folder()))).rejects.toThrow("of the initialisation 20200101T000000Z");
  expect(await unseal(handover, operatorIdentity(sandbox.folder()))).toBe("Vault is unsealed");
  await eventually("Vault is active", active);
});

it("an emptied server gets its secrets back from the snapshot, and the same hand-over unseals it", async () => {
  await sandbox.access.shell("vault1", "systemctl start platform-backup-vault.service");
  await sandbox.access.shell(
    "vault1",
    "systemctl stop platform-vault && rm -rf /var/lib/vault/raft && install -d -m 0750 -o vault -g vault /var/lib/vault/raft",
  );
  // Backups of Vaults that earlier files have lost are there too: then the snapshot must be named.
  const listed = JSON.parse(
    await sandbox.access.shell("vault1", "/usr/local/lib/platform/backups/restic.sh vault snapshots --tag vault --json"),
  ) as { short_id: string; tags: string[] }[];
  const initialisations = new Set(listed.flatMap(({ tags }) => tags.filter((tag) => tag.startsWith("initialisation-"))));
  const unnamed = initialisations.size > 1 ? await sandbox.access.attempt("vault1", "/usr/local/lib/platform/vault/restore.py") : undefined;
  if (unnamed !== undefined) expect(unnamed).toMatchObject({ ok: false, output: expect.stringContaining("name a snapshot") as string });
  await sandbox.access.shell("vault1", `/usr/local/lib/platform/vault/restore.py ${listed.at(-1)?.short_id ?? ""}`);
  expect(await sealed()).toBe(true);
  expect(await unseal(handover, operatorIdentity(sandbox.folder()))).toBe("Vault is unsealed");
  await eventually("Vault is active", active);
  expect(await secretAt("registry/nodes")).toMatchObject({ username: "nodes" });
  expect((await raiseTest()).progress.changed()).toBe(0);
});

it("a new certificate is loaded without a restart, so Vault stays unsealed", async () => {
  const served = `${sandbox.machine("vault1").address}:8200`;
  const serial = (): Promise<string> =>
    sandbox.access.shell("vault1", `openssl s_client -connect ${served} < /dev/null 2>/dev/null | openssl x509 -noout -serial`);
  const before = await serial();
  const result = await raiseTest({
    stackFile: edited({ "platform:versions:": "platform:rotations: { certificate-vault: again }\n  platform:versions:" }),
  });
  expect(await serial()).not.toBe(before);
  expect(await sealed()).toBe(false);
  expect(touched(result).filter((name) => name.endsWith("-installed"))).toEqual(["vault1-vault-installed"]);
  await raiseTest();
  expect(await sealed()).toBe(false);
});
