// Proves that imports point down only: stacks -> src -> sizing, inside src never to a later layer, and nothing outside sandbox knows it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(__dirname, "../..");
/** From the bottom up; a folder may import itself and what stands before it. */
const LAYERS = [
  "sizing",
  "src/shared",
  "src/network",
  "src/pki/given-authority",
  "src/config",
  "src/pki",
  "src/plan",
  "src/remote",
  "src/machines",
  "src/base",
  "src/clusters",
  "src/cli",
  "stacks",
];

function rank(path: string): number {
  const best = LAYERS.filter((layer) => path.startsWith(`${layer}/`) || path === layer || path === `${layer}.ts`).sort(
    (a, b) => b.length - a.length,
  )[0];
  return best === undefined ? -1 : LAYERS.indexOf(best);
}

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "sizing/*.ts", "src/**/*.ts", "stacks/*.ts"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .trim()
  .split("\n");

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(/^import [^;]*? from "([^"]+)"/gms)].map((match) => match[1] ?? "");
}

it("reads a tree worth the name", () => {
  expect(files.length).toBeGreaterThan(30);
  expect(files.filter((file) => rank(file) === -1)).toEqual([]);
});

it("every import points down or sideways", () => {
  const upward = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => target.startsWith("."))
      .map((target) => normalize(join(dirname(file), target)))
      .filter((target) => rank(target) > rank(file) || rank(target) === -1)
      .map((target) => `${file} -> ${target}`),
  );
  expect(upward).toEqual([]);
});

it("sizing imports nothing from outside itself", () => {
  const outside = files
    .filter((file) => file.startsWith("sizing/"))
    .flatMap((file) => importsOf(file).filter((target) => !target.startsWith("./")));
  expect(outside).toEqual([]);
});

it("what works without the engine never loads it", () => {
  const pure = files.filter(
    (file) =>
      /^src\/(shared|network|plan|cli)\//.test(file) || file === "src/config/stack-file.ts" || file === "src/machines/preparation/files.ts",
  );
  expect(pure.flatMap((file) => importsOf(file).filter((target) => target.startsWith("@pulumi")))).toEqual([]);
});

it("no file is longer than 300 lines, and none is called utils, helpers, common or types", () => {
  const all = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"], { cwd: ROOT, encoding: "utf8" })
    .trim()
    .split("\n");
  const long = all.filter((file) => readFileSync(join(ROOT, file), "utf8").split("\n").length > 300);
  // One table of facts, one SDK in the official shape, and what a plan may say: each is one thing.
  expect(
    long.filter(
      (file) =>
        ![
          "sizing/workloads.ts",
          "sdks/vsphere/index.ts",
          "src/config/cross-checks.ts",
          "src/config/schema.ts",
          "sandbox/plugins/vsphere-machine.ts",
        ].includes(file),
    ),
  ).toEqual([]);
  expect(all.filter((file) => /(^|\/)(utils|helpers|common|types)\.ts$/.test(file))).toEqual([]);
});
