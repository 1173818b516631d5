// Proves with the real engine: previews of production at all four tiers, the plain pulumi command on the checkout itself, a tier
// edit by one command, errors as operators see them, and stand-in plugins that refuse what the official ones refuse.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as command from "@pulumi/command";
import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import * as vsphere from "@pulumi/vsphere";
import { beforeAll, describe, expect, it } from "vitest";
import { engineEnvironment, openStack, pulumiRoot } from "../../sandbox/engine";
import { requirePlatform } from "../../src/config/parse";
import { planPlatform } from "../../src/plan/platform-plan";
import { machinesInWords } from "../../src/plan/words";
import { rawStack } from "../src/config/valid";

const ROOT = dirname(dirname(__dirname));
const fresh = (): string => mkdtempSync(join(tmpdir(), "platform-engine-"));
const stackText = (name: string): string => readFileSync(join(ROOT, `Pulumi.${name}.yaml`), "utf8");

describe("preview of production from nothing", () => {
  it.each([
    [100, 290],
    [500, 356],
    [1000, 414],
    [10000, 486],
  ])("%i users: %i resources to create, no secret shown", async (users, creates) => {
    const folder = fresh();
    const text = stackText("prod").replace(/platform:users: \d+/, `platform:users: ${users}`);
    const { stack } = await openStack({ folder, stack: "prod", stackFile: text });
    const result = await stack.preview();
    expect(result.changeSummary).toEqual({ create: creates });
    const secrets = (await stack.getConfig("platform:secrets")).value;
    const values = [...secrets.matchAll(/:"([^"]{10,})"/g)].map((match) => match[1] ?? "");
    expect(values.length).toBeGreaterThanOrEqual(6);
    for (const value of values) expect(result.stdout + result.stderr).not.toContain(value);
  });
});

it("a preview of 1000 users on a platform of 500 says in words which machines join and which grow, and names no other", async () => {
  const at = (users: number): string => stackText("prod").replace(/platform:users: \d+/, `platform:users: ${users}`);
  const words = (users: number): Readonly<Record<string, string>> =>
    machinesInWords(planPlatform(requirePlatform("prod", { ...rawStack("prod"), users })));
  const { stack } = await openStack({ folder: fresh(), stack: "prod", stackFile: at(1000) });
  // What the run that raised 500 users has left of itself: its outputs.
  await stack.importStack({
    version: 3,
    deployment: {
      manifest: { time: "2026-11-23T00:00:00Z", magic: "", version: "" },
      resources: [
        {
          urn: "urn:pulumi:prod::platform::pulumi:pulumi:Stack::platform-prod",
          custom: false,
          type: "pulumi:pulumi:Stack",
          outputs: { machinePlan: words(500) },
        },
      ],
    },
  });
  const { stdout } = await stack.preview();
  const [before, after] = [words(500), words(1000)];
  const joining = Object.keys(after).filter((name) => !(name in before));
  const growing = Object.keys(after).filter((name) => name in before && before[name] !== after[name]);
  expect(joining).toHaveLength(7);
  const plan = stdout.slice(stdout.indexOf("machinePlan"));
  const lines = plan
    .slice(0, plan.indexOf("}"))
    .split("\n")
    .map((line) => line.trim());
  const named = (sign: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${sign} `)).map((line) => (line.slice(2).split(":")[0] ?? "").trim());
  expect([...named("+")].sort()).toEqual([...joining].sort());
  expect([...named("~")].sort()).toEqual([...growing].sort());
  expect(named("-")).toEqual([]);
});

describe("the plain pulumi command in the checkout", () => {
  const folder = fresh();
  const file = join(folder, "Pulumi.plain.yaml");
  let environment: Record<string, string> = {};

  const pulumi = (...args: readonly string[]): { code: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync("pulumi", [...args, "--stack", "plain", "--config-file", file, "--non-interactive"], {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      encoding: "utf8",
    });
    return { code: status, output: stdout + stderr };
  };

  beforeAll(async () => {
    environment = await engineEnvironment({ folder, stack: "plain", stackFile: "" }, await pulumiRoot());
    writeFileSync(file, stackText("sandbox"));
    spawnSync("pulumi", ["stack", "init", "plain", "--non-interactive"], { cwd: ROOT, env: { ...process.env, ...environment } });
    // init writes a file of its own beside Pulumi.yaml; this test keeps its answers elsewhere.
    rmSync(join(ROOT, "Pulumi.plain.yaml"), { force: true });
  });

  it("says which secret is missing and how to set it, without a stack trace", () => {
    const { code, output } = pulumi("preview");
    expect(code).not.toBe(0);
    expect(output).toContain("Pulumi.plain.yaml has 1 problem:");
    expect(output).toContain("Set it: pulumi config set --secret --path 'platform:secrets.hypervisorPassword'.");
    expect(output).not.toMatch(/^\s+at /m);
  });

  it("previews the same program as make up", () => {
    expect(pulumi("config", "set", "--secret", "--path", "platform:secrets.hypervisorPassword", "engine-test-password").code).toBe(0);
    const { code, output } = pulumi("preview");
    expect(output).toContain("+ 291 to create");
    expect(output).not.toContain("engine-test-password");
    expect(code).toBe(0);
  });

  it("takes a tier edit by one command", () => {
    expect(pulumi("config", "set", "platform:users", "500").code).toBe(0);
    expect(pulumi("preview").output).toContain("+ 357 to create");
  });

  it("reports every mistake at once and changes nothing", () => {
    writeFileSync(
      file,
      readFileSync(file, "utf8")
        .replace('platform:users: "500"', 'platform:users: "5oo"')
        .replace("domain: sandbox.test", "domain: sandbox"),
    );
    const { code, output } = pulumi("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    expect(output).toContain("Pulumi.plain.yaml has 2 problems:");
    expect(output).toContain('platform:users: got "5oo", expected concurrent users, a whole number from 1 to 10000');
    expect(output).toContain("platform:domain");
    expect(output).not.toMatch(/^\s+at /m);
  });
});

describe("stand-in plugins", () => {
  const folder = fresh();
  const run = async (
    name: string,
    program: () => unknown,
  ): Promise<{ failed: boolean; output: string; outputs: Record<string, { value: unknown; secret: boolean }> }> => {
    const root = await pulumiRoot();
    const environment = await engineEnvironment({ folder, stack: name, stackFile: "" }, root);
    const pulumiCommand = await PulumiCommand.get({ root });
    const stack = await LocalWorkspace.createOrSelectStack(
      { stackName: name, projectName: "stand-ins", program: () => Promise.resolve(program() as Record<string, unknown>) },
      { pulumiCommand, envVars: environment, pulumiHome: environment["PULUMI_HOME"] ?? "" },
    );
    try {
      const { stdout, outputs } = await stack.up();
      return { failed: false, output: stdout, outputs };
    } catch (error) {
      return { failed: true, output: String(error), outputs: {} };
    }
  };

  it("refuse unknown and missing arguments of a machine", async () => {
    const { failed, output } = await run("vm", () => {
      new vsphere.VirtualMachine("x", { numCpu: 2, disks: [{ lable: "system" }] } as unknown as vsphere.VirtualMachineArgs, {
        provider: new vsphere.Provider("vc", { user: "u", password: "p", vsphereServer: "vc.example.org" }),
      });
    });
    expect(failed).toBe(true);
    expect(output).toContain('unexpected argument "numCpu"');
    expect(output).toContain('missing required argument "resourcePoolId"');
    expect(output).toContain('unexpected argument "lable"');
  });

  it("refuse a connection with an unknown or missing field, without showing the key", async () => {
    const { failed, output } = await run("connection", () => {
      const connection = { host: "198.18.0.9", privateKey: "shown-never", usr: "deploy" };
      new command.remote.Command("x", { connection: connection, create: "true" });
    });
    expect(failed).toBe(true);
    expect(output).toContain('unexpected argument "usr"');
    expect(output).toContain('missing argument "hostKey"');
    expect(output).not.toContain("shown-never");
  });

  it("make passwords that hold to their rules, secret, and the same ones the next time", async () => {
    const program = (): unknown => ({
      password: new random.RandomPassword("p", { length: 24, minNumeric: 3, minSpecial: 2, overrideSpecial: "#-" }).result,
      bytes: new random.RandomBytes("b", { length: 16 }).hex,
    });
    const first = await run("random", program);
    const password = String(first.outputs["password"]?.value);
    expect(password).toMatch(/^[a-zA-Z0-9#-]{24}$/);
    expect(password.replace(/[^0-9]/g, "").length).toBeGreaterThanOrEqual(3);
    expect(password.replace(/[^#-]/g, "").length).toBeGreaterThanOrEqual(2);
    expect(first.outputs["password"]?.secret).toBe(true);
    expect(first.outputs["bytes"]?.value).toMatch(/^[0-9a-f]{32}$/);
    expect((await run("random", program)).outputs["password"]?.value).toBe(password);
  });

  it("make keys and certificates that openssl and ssh-keygen take", async () => {
    const { outputs } = await run("tls", () => {
      const ssh = new tls.PrivateKey("ssh", { algorithm: "ED25519" });
      const key = new tls.PrivateKey("key", { algorithm: "ECDSA", ecdsaCurve: "P384" });
      const uses = { allowedUses: ["cert_signing", "crl_signing"], isCaCertificate: true, validityPeriodHours: 48 };
      const root = new tls.SelfSignedCert("root", { ...uses, privateKeyPem: key.privateKeyPem, subject: { commonName: "Root, of tests" } });
      const request = new tls.CertRequest("request", {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: "leaf" },
        dnsNames: ["a.example.org"],
      });
      const leaf = new tls.LocallySignedCert("leaf", {
        allowedUses: ["digital_signature", "server_auth"],
        validityPeriodHours: 24,
        certRequestPem: request.certRequestPem,
        caCertPem: root.certPem,
        caPrivateKeyPem: key.privateKeyPem,
      });
      return { root: root.certPem, leaf: leaf.certPem, privateKey: ssh.privateKeyOpenssh, publicKey: ssh.publicKeyOpenssh };
    });
    const write = (name: string): string => {
      const path = join(folder, name);
      writeFileSync(path, String(outputs[name]?.value), { mode: 0o600 });
      return path;
    };
    const openssl = (...args: readonly string[]): string => spawnSync("openssl", args, { encoding: "utf8" }).stdout;
    expect(openssl("verify", "-x509_strict", "-CAfile", write("root"), write("leaf"))).toContain("leaf: OK");
    expect(openssl("x509", "-in", join(folder, "leaf"), "-noout", "-ext", "subjectAltName")).toContain("DNS:a.example.org");
    const { stdout } = spawnSync("ssh-keygen", ["-y", "-f", write("privateKey")], { encoding: "utf8" });
    expect(stdout.trim()).toBe(String(outputs["publicKey"]?.value).trim());
  });
});
