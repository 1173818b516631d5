// Proves that a state can be made to forget a resource without leaving anybody's memory of having needed it.
import { expect, it } from "vitest";
import { forgetting } from "../../../src/cli/recover";

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
