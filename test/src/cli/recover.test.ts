// Proves that a state can be made to forget a resource without leaving anybody's memory of having needed it, and that one that was cut off
// while it was written gives way to the one before, and a whole one never does.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { forgetting, restoreCheckpoint } from "../../../src/cli/recover";

it("the resource goes, and so does every mention of it; all else stays as it was", () => {
  const state = {
    version: 3,
    deployment: {
      manifest: { time: "2026-11-23T00:00:00Z" },
      resources: [
        { urn: "vm", type: "machine", pendingReplacement: true },
        { urn: "other", type: "machine", dependencies: [] },
        {
          urn: "rule",
          dependencies: ["vm", "other"],
          propertyDependencies: { virtualMachineIds: ["vm", "other"], name: [] },
          inputs: { name: "apart" },
        },
      ],
    },
  };
  expect(forgetting(state, ["vm"])).toEqual({
    version: 3,
    deployment: {
      manifest: { time: "2026-11-23T00:00:00Z" },
      resources: [
        { urn: "other", type: "machine", dependencies: [] },
        {
          urn: "rule",
          dependencies: ["other"],
          propertyDependencies: { virtualMachineIds: ["other"], name: [] },
          inputs: { name: "apart" },
        },
      ],
    },
  });
});

it("half a file gives way to the one before it, a whole one to nothing, and two halves to an error", () => {
  const root = mkdtempSync(join(tmpdir(), "backend-"));
  const folder = join(root, ".pulumi/stacks/platform");
  mkdirSync(folder, { recursive: true });
  const [file, before] = [join(folder, "prod.json"), join(folder, "prod.json.bak")];
  expect(restoreCheckpoint(`file://${root}`, "prod")).toBe(false);
  writeFileSync(before, '{"version":1}');
  // As a stack leaves it that was removed in order.
  expect(restoreCheckpoint(`file://${root}`, "prod")).toBe(false);
  writeFileSync(file, '{"version":2}');
  expect(restoreCheckpoint(`file://${root}`, "prod")).toBe(false);
  writeFileSync(file, '{"vers');
  expect(restoreCheckpoint(`file://${root}`, "prod")).toBe(true);
  expect(readFileSync(file, "utf8")).toBe('{"version":1}');
  writeFileSync(file, "");
  writeFileSync(before, "");
  expect(() => restoreCheckpoint(`file://${root}`, "prod")).toThrow("can be read: restore a copy of it");
});

it("a stack of the same name in another project is neither taken for it nor touched", () => {
  const root = mkdtempSync(join(tmpdir(), "backend-"));
  const [own, other] = ["platform", "another"].map((project) => join(root, ".pulumi/stacks", project)) as [string, string];
  for (const folder of [own, other]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(other, "prod.json"), '{"other":2}');
  writeFileSync(join(other, "prod.json.bak"), '{"other":1}');
  writeFileSync(join(own, "prod.json"), '{"ow');
  writeFileSync(join(own, "prod.json.bak"), '{"own":1}');
  expect(restoreCheckpoint(`file://${root}`, "prod")).toBe(true);
  expect(readFileSync(join(own, "prod.json"), "utf8")).toBe('{"own":1}');
  expect(readFileSync(join(other, "prod.json"), "utf8")).toBe('{"other":2}');
});
