// Proves that what machines receive is what was reviewed: one machine of each kind, from both stack files, byte for byte.
import { describe, expect, it } from "vitest";
import { renderedFiles } from "../../src/cli/render";
import { planText } from "../../src/cli/plan";
import { requirePlatform } from "../../src/config/parse";
import { planPlatform } from "../../src/plan/platform-plan";
import { rawStack } from "../src/config/valid";

/** One of each kind of machine; scripts are the same on all and shown once. */
const CASES = [
  ["sandbox", "rkeapp-master1"],
  ["sandbox", "rkedmz1"],
  ["sandbox", "lbdmz1"],
  ["sandbox", "gitops1"],
  ["sandbox", "vault1"],
  ["sandbox", "monitoring1"],
  ["prod", "prod-lblan1"],
  ["prod", "prod-lbintegration1"],
  ["prod", "prod-rkemiddleware-worker1"],
  ["prod", "prod-vault1"],
] as const;

describe.each(CASES)("%s: %s", (stack, name) => {
  const config = requirePlatform(stack, rawStack(stack));
  const files = renderedFiles(config, planPlatform(config)).filter(
    (file) => file.path.startsWith(`machines/${name}/`) && !file.path.includes("/usr/local/lib/") && !file.path.includes("/usr/local/sbin/"),
  );

  it.each(files.map((file) => [file.path, file.content] as const))("%s", async (path, content) => {
    await expect(content).toMatchFileSnapshot(`./${stack}/${path}`);
  });
});

it("the production plan as the network team reads it", async () => {
  const config = requirePlatform("prod", rawStack("prod"));
  await expect(planText(config, planPlatform(config), "markdown")).toMatchFileSnapshot("./prod/plan.md");
});
