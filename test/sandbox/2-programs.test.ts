// Proves that every kind of rendered file is taken by the very program that will read it, of the very version machines run.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { renderGitopsHaproxy } from "../../src/base/gitops-front";
import { renderPairHaproxy, renderPairKeepalived } from "../../src/base/load-balancers/files";
import { requirePlatform } from "../../src/config/parse";
import type { PlatformConfig } from "../../src/config/schema";
import { planPlatform } from "../../src/plan/platform-plan";
import { validConfig } from "../src/config/generated";
import { rawStack } from "../src/config/valid";
import { attach } from "./fixture";
import type { RaisedSandbox } from "./fixture";

const GOLDEN = join(dirname(__dirname), "golden");

/** What reads each file, as a shell line with the file at $f. */
const READERS: readonly (readonly [RegExp, string])[] = [
  [/cloud-init\/user-data$/, "cloud-init schema --config-file $f"],
  [/etc\/platform\/nftables\.conf$/, "nft --check --file $f"],
  [/etc\/ssh\/sshd_config\.d\//, "sshd -t -f $f"],
  [/etc\/sudoers\.d\//, "visudo --check --file=$f"],
  [/etc\/sysctl\.d\//, "sysctl --quiet --dry-run --load=$f"],
  [/etc\/chrony\/chrony\.conf$/, "chronyd -p -f $f"],
  [
    /etc\/systemd\/system\/platform-.*\.(service|timer)$/,
    "d=$(mktemp -d) && sed -E 's#^(ExecStart|ExecStartPre)=[^ ]*#\\1=/bin/true#' $f > $d/NAME && systemd-analyze verify --man=no $d/NAME",
  ],
];

let sandbox: RaisedSandbox;

beforeAll(async () => {
  sandbox = await attach();
});

const files = readdirSync(GOLDEN, { recursive: true, encoding: "utf8" });
const cases = files.flatMap((path) => READERS.filter(([pattern]) => pattern.test(path)).map(([, reader]) => [path, reader] as const));

it("covers every kind", () => {
  for (const [pattern] of READERS)
    expect(
      files.some((path) => pattern.test(path)),
      String(pattern),
    ).toBe(true);
});

it.each(cases)("%s: %s", async (path, reader) => {
  const content = readFileSync(join(GOLDEN, path)).toString("base64");
  const reading = reader.replaceAll("NAME", basename(path));
  const line = `f=$(mktemp) && printf %s '${content}' | base64 -d > $f && ${reading} 2>&1; code=$?; rm -f $f; exit $code`;
  const { ok, output } = await sandbox.access.attempt("monitoring1", line);
  expect(ok, output).toBe(true);
});

it("would notice a file that its program refuses", async () => {
  const broken = "f=$(mktemp) && printf 'PasswordAuthentication perhaps\\n' > $f && sshd -t -f $f";
  expect((await sandbox.access.attempt("monitoring1", broken)).ok).toBe(false);
});

/** What a pair's HAProxy and keepalived read, for one configuration, packed for a machine that runs their own tests. */
function pairConfigurations(config: PlatformConfig): Record<string, string> {
  const plan = planPlatform(config);
  const files: Record<string, string> = {};
  for (const machine of plan.machines.filter((each) => each.roles.includes("load-balancer"))) {
    files[`${machine.name}.cfg`] = renderPairHaproxy(config, plan, machine);
    files[`${machine.name}.conf`] = renderPairKeepalived(config, plan, machine);
  }
  for (const machine of plan.machines.filter((each) => each.group === "gitops"))
    files[`${machine.name}.cfg`] = renderGitopsHaproxy(config, plan, machine);
  return files;
}

/** Runs `haproxy -c` and `keepalived -t` over every file, on a load balancer; what they refuse, or nothing. */
async function refused(sets: readonly Record<string, string>[]): Promise<string> {
  const program = `
import json, os, subprocess, sys, tempfile
refused, checked = [], 0
folder = tempfile.mkdtemp()
os.mkdir(folder + "/tls")
subprocess.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -subj /CN=x -days 2 && cat c k > services.pem && cp c ca.pem", shell=True, check=True, cwd=folder + "/tls", stderr=subprocess.DEVNULL)
for number, files in enumerate(json.load(sys.stdin)):
    for name, text in files.items():
        path = "%s/%s" % (folder, name)
        with open(path, "w") as handle:
            handle.write(text)
        if name.endswith(".cfg"):
            done = subprocess.run(["haproxy", "-c", "-f", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            bad = done.returncode != 0 or b"[WARNING]" in done.stdout
        else:
            # Ends by a signal whenever there is a health script: what it says counts.
            done = subprocess.run(["setsid", "--wait", "keepalived", "-t", "-f", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            bad = done.stdout.strip() != b""
        checked += 1
        if bad:
            refused.append("set %d %s: %s" % (number, name, done.stdout.decode()[-400:]))
print(json.dumps({"checked": checked, "refused": refused[:5]}))
`;
  return sandbox.access.program("lblan1", program, JSON.stringify(sets));
}

it("every load balancer's configuration at every tier and for every choice of products", async () => {
  const sets = [100, 500, 1000, 10000].flatMap((users) =>
    [["eservices"], ["gco"], ["eservices", "gco"]].map((products) =>
      pairConfigurations(requirePlatform("prod", { ...rawStack("prod"), users, products })),
    ),
  );
  expect(JSON.parse(await refused(sets))).toEqual({ checked: 12 * 13, refused: [] });
});

it("two hundred generated configurations", async () => {
  const sets = fc.sample(validConfig, { numRuns: 200, seed: 20261123 }).map((raw) => pairConfigurations(requirePlatform("generated", raw)));
  expect(JSON.parse(await refused(sets))).toEqual({ checked: 200 * 13, refused: [] });
}, 300_000);

it("would notice a configuration that HAProxy or keepalived refuses", async () => {
  const [good] = [pairConfigurations(requirePlatform("prod", rawStack("prod")))];
  const broken = {
    "a.cfg": `${good["prod-lblan1.cfg"] ?? ""}\nnonsense\n`,
    "b.conf": (good["prod-lblan1.conf"] ?? "").replace("nopreempt", "nopremptive"),
  };
  expect((JSON.parse(await refused([broken])) as { refused: string[] }).refused).toHaveLength(2);
});

it("the scripts machines run are what shellcheck takes", () => {
  execFileSync("bash", ["-c", "shellcheck src/machines/preparation/*.sh src/base/*.sh src/base/*/*.sh src/remote/*.sh"], {
    cwd: dirname(dirname(__dirname)),
    stdio: "pipe",
  });
});
