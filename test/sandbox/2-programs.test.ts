// Proves that every kind of rendered file is taken by the very program that will read it, of the very version machines run.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, expect, it } from "vitest";
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
  const line = `f=$(mktemp) && printf %s '${content}' | base64 -d > $f && ${reader} 2>&1; code=$?; rm -f $f; exit $code`;
  const { ok, output } = await sandbox.access.attempt("monitoring1", line);
  expect(ok, output).toBe(true);
});

it("would notice a file that its program refuses", async () => {
  const broken = "f=$(mktemp) && printf 'PasswordAuthentication perhaps\\n' > $f && sshd -t -f $f";
  expect((await sandbox.access.attempt("monitoring1", broken)).ok).toBe(false);
});

it("the scripts machines run are what shellcheck takes", () => {
  execFileSync("bash", ["-c", "shellcheck src/machines/preparation/*.sh"], { cwd: dirname(dirname(__dirname)), stdio: "pipe" });
});
