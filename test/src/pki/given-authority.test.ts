// Proves, on certificates made by openssl, that a given authority is refused for every fault it can have.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { authorityProblems, keyProblems, rootOf } from "../../../src/pki/given-authority";

const folder = mkdtempSync(join(tmpdir(), "authority-"));
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
}

function authority(name: string, days: number, extra: readonly string[] = ["-addext", "basicConstraints=critical,CA:TRUE"]): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  openssl("req", "-x509", ...key, "-subj", `/CN=${name}`, "-days", String(days), "-out", `${name}.crt`, ...extra);
}

function signedBy(name: string, signer: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  openssl("req", "-new", ...key, "-subj", `/CN=${name}`, "-out", `${name}.csr`, "-addext", "basicConstraints=critical,CA:TRUE");
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    "-CA",
    `${signer}.crt`,
    "-CAkey",
    `${signer}.key`,
    "-days",
    "400",
    "-copy_extensions",
    "copyall",
    "-out",
    `${name}.crt`,
  );
}

beforeAll(() => {
  authority("root", 900);
  authority("other", 900);
  authority("short", 10);
  authority("server", 900, ["-addext", "basicConstraints=critical,CA:FALSE"]);
  signedBy("issuing", "root");
});

const messages = (issuing: string, chain: string): readonly string[] =>
  authorityProblems({ issuingCertificate: read(issuing), chain: read(chain) }, new Date()).map((each) => `${each.path}: ${each.message}`);

it("takes a whole chain, and knows its root", () => {
  expect(messages("issuing.crt", "root.crt")).toEqual([]);
  expect(rootOf({ issuingCertificate: read("issuing.crt"), chain: read("root.crt") })).toBe(read("root.crt"));
});

it("refuses a chain that did not sign the issuing certificate", () => {
  expect(messages("issuing.crt", "other.crt")).toEqual(["platform:tls.chain: CN=issuing was not signed by the next one, CN=other"]);
});

it("refuses a server's certificate", () => {
  expect(messages("server.crt", "server.crt")[0]).toBe(
    "platform:tls.issuingCertificate: CN=server is not an authority's certificate (CA:TRUE is missing)",
  );
});

it("refuses one that ends too soon, with the days left", () => {
  expect(messages("short.crt", "short.crt")[0]).toMatch(
    /^platform:tls\.issuingCertificate: CN=short ends on .* GMT, in (9|10) days; at least 30 must be left$/,
  );
});

it("refuses one that cannot be read", () => {
  const given = { issuingCertificate: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", chain: read("root.crt") };
  expect(authorityProblems(given, new Date()).map((each) => each.message)).toEqual(["holds a certificate that cannot be read"]);
});

it("refuses another authority's key, and shows no key", () => {
  const given = { issuingCertificate: read("issuing.crt"), chain: read("root.crt") };
  expect(keyProblems(given, read("issuing.key"))).toEqual([]);
  expect(keyProblems(given, read("root.key"))).toEqual([
    {
      path: "platform:secrets.tlsIssuingKey",
      message: "is not the key of platform:tls.issuingCertificate",
      remedy: "Set the key that belongs to it",
    },
  ]);
  expect(JSON.stringify(keyProblems(given, "secret nonsense"))).not.toContain("nonsense");
});
