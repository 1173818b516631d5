import { defineConfig } from "vitest/config";
import { BaseSequencer } from "vitest/node";
import type { TestSpecification } from "vitest/node";

/** Files of the sandbox share one environment and are numbered in the order of its life. */
class ByName extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve([...files].sort((left, right) => (left.moduleId < right.moduleId ? -1 : 1)));
  }
}

// A golden file that is missing fails: `make golden` is the one way to write them.
const isGolden = process.env["PLATFORM_GOLDEN"] === "write";

export default defineConfig({
  test: {
    env: { PULUMI_ERROR_OUTPUT_STRING: "true" },
    sequence: { sequencer: ByName },
    update: isGolden ? "all" : "none",
    projects: [
      { extends: true, test: { name: "quick", include: ["test/{sizing,src,golden,stacks}/**/*.test.ts"], testTimeout: 20_000 } },
      {
        extends: true,
        test: { name: "engine", include: ["test/engine/**/*.test.ts"], fileParallelism: false, testTimeout: 300_000, hookTimeout: 900_000 },
      },
      {
        extends: true,
        test: {
          name: "sandbox",
          include: ["test/sandbox/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 1_500_000,
        },
      },
      {
        extends: true,
        test: {
          name: "drills",
          include: ["test/drills/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 5_400_000,
          hookTimeout: 1_500_000,
        },
      },
    ],
  },
});
