// Proves what a stack file read from disk says of secrets, of bad YAML, and that the editors' schema is current.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { stringify } from "yaml";
import { stackFileSchema } from "../../../src/config/json-schema";
import { readStackFile } from "../../../src/config/stack-file";
import { rawStack } from "./valid";

function written(config: Record<string, unknown>): string {
  const path = join(mkdtempSync(join(tmpdir(), "stack-")), "Pulumi.test.yaml");
  writeFileSync(path, stringify({ config }));
  return path;
}

const sandbox = Object.fromEntries(Object.entries(rawStack("sandbox")).map(([key, value]) => [`platform:${key}`, value]));

it("lists required secrets that are not set", () => {
  expect(readStackFile(written(sandbox)).missing).toEqual([
    {
      path: "platform:secrets.hypervisorPassword",
      message: "is missing: password of sandbox at vcenter.sandbox.test",
      remedy: "Set it: pulumi config set --secret --path 'platform:secrets.hypervisorPassword'",
    },
  ]);
});

it("takes an encrypted secret for one that is set", () => {
  const path = written({ ...sandbox, "platform:secrets": { hypervisorPassword: { secure: "v1:abc" } } });
  expect(readStackFile(path).missing).toEqual([]);
});

it("refuses a secret in clear and never shows it", () => {
  const path = written({ ...sandbox, "platform:secrets": { hypervisorPassword: "hunter2-in-clear" } });
  expect(() => readStackFile(path)).toThrow(
    "Pulumi.test.yaml has 1 problem:\n  platform:secrets.hypervisorPassword: stands in clear in the file. " +
      "Change it where it is used, then set it encrypted: pulumi config set --secret --path 'platform:secrets.hypervisorPassword'.",
  );
});

it("names a secret that nothing uses, with the nearest one", () => {
  const path = written({ ...sandbox, "platform:secrets": { hypervisorPasword: { secure: "v1:abc" } } });
  expect(() => readStackFile(path)).toThrow(
    'platform:secrets.hypervisorPasword: this configuration uses no secret of this name; did you mean "hypervisorPassword"',
  );
});

it("says where YAML is broken, without quoting the file", () => {
  const path = join(mkdtempSync(join(tmpdir(), "stack-")), "Pulumi.test.yaml");
  writeFileSync(path, "config:\n  platform:users: 5\n  platform:secrets: {a: secret-value\n");
  const attempt = (): unknown => readStackFile(path);
  expect(attempt).toThrow(/Pulumi\.test\.yaml has \d problems?:\n {2}line [34]: /);
  expect(attempt).not.toThrow("secret-value");
});

it("the schema for editors is what zod says today", async () => {
  await expect(`${JSON.stringify(stackFileSchema(), null, 2)}\n`).toMatchFileSnapshot("../../../src/config/stack-file.schema.json");
});

it("the schema knows every key of both committed stack files", () => {
  const properties = (stackFileSchema()["properties"] as { config: { properties: Record<string, unknown> } }).config.properties;
  for (const name of ["prod", "sandbox"] as const) {
    for (const key of Object.keys(rawStack(name))) expect(Object.keys(properties)).toContain(`platform:${key}`);
    expect(readFileSync(join(__dirname, `../../../Pulumi.${name}.yaml`), "utf8")).toContain("$schema=src/config/stack-file.schema.json");
  }
});
