// Runs steps and vitest projects in order, goes on after a failure, and ends with one line: N passed, N failed.
// usage: node test/run.mjs STEP|PROJECT...
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STEPS = {
  format: ["prettier", "--check", "--log-level", "warn", "."],
  lint: ["eslint", "--max-warnings", "0", "."],
  types: ["tsc", "--project", "."],
  shell: ["bash", "-c", "shellcheck $(git ls-files '*.sh' ':!test/golden') .ci/run"],
};

const folder = mkdtempSync(join(tmpdir(), "platform-test-"));
let passed = 0;
let failed = 0;
for (const name of process.argv.slice(2)) {
  const began = Date.now();
  const step = STEPS[name];
  const report = join(folder, `${name}.json`);
  const [program, ...args] = step ?? [
    "vitest",
    "run",
    "--project",
    name,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  const { status } = spawnSync(program, args, { stdio: "inherit", env: process.env });
  if (step === undefined) {
    try {
      const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, "utf8"));
      passed += numPassedTests;
      // A file that broke before its first test counts too, and so does a test that never ran.
      failed += Math.max(numFailedTests, numTotalTests - numPassedTests, status === 0 ? 0 : 1);
    } catch {
      failed += 1;
    }
  } else if (status === 0) passed += 1;
  else failed += 1;
  console.log(`${name}: ${status === 0 ? "ok" : "FAILED"}, ${((Date.now() - began) / 1000).toFixed(0)} s`);
}
// A run that was cut short leaves no machines behind.
if (process.argv.includes("sandbox")) spawnSync("tsx", ["sandbox/main.ts", "down", "test"], { stdio: "ignore" });
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
