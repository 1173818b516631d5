import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from "node:crypto";
import type { KeyObject } from "node:crypto";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { opensshPrivate, opensshPublic } from "./openssh";
import { checkNames, diffInputs, serve } from "./plugin-server";
import type { Properties, ResourceKind } from "./plugin-server";

/** Stand-in for the tls plugin: real keys and certificates, for ECDSA and Ed25519 keys. */

x509.cryptoProvider.set(webcrypto);

const CURVES: Readonly<Record<string, { node: string; web: string; hash: string }>> = {
  P256: { node: "prime256v1", web: "P-256", hash: "SHA-256" },
  P384: { node: "secp384r1", web: "P-384", hash: "SHA-384" },
};

function pem(key: KeyObject, type: "pkcs8" | "sec1" | "spki"): string {
  return key.export({ type, format: "pem" } as { type: "pkcs8"; format: "pem" }).toString();
}

function makeKey(inputs: Properties): { id: string; state: Properties } {
  const algorithm = String(inputs["algorithm"]);
  const curveName = typeof inputs["ecdsaCurve"] === "string" ? inputs["ecdsaCurve"] : "P256";
  const curve = CURVES[curveName];
  if (algorithm !== "ED25519" && (algorithm !== "ECDSA" || curve === undefined)) {
    throw new Error(`the sandbox's stand-in for tls makes ED25519 and ECDSA (P256, P384) keys, not ${algorithm} ${curveName}`);
  }
  const pair = algorithm === "ED25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: curve?.node ?? "" });
  const isEd = algorithm === "ED25519";
  const state = {
    ...inputs,
    privateKeyPem: pem(pair.privateKey, isEd ? "pkcs8" : "sec1"),
    privateKeyPemPkcs8: pem(pair.privateKey, "pkcs8"),
    publicKeyPem: pem(pair.publicKey, "spki"),
    privateKeyOpenssh: isEd ? opensshPrivate(pair.privateKey) : "",
    publicKeyOpenssh: isEd ? opensshPublic(pair.privateKey) : "",
  };
  return { id: createHash("sha1").update(state.publicKeyPem).digest("hex"), state };
}

async function signingKeys(
  privatePem: string,
): Promise<{ keys: webcrypto.CryptoKeyPair; algorithm: webcrypto.EcdsaParams & webcrypto.EcKeyImportParams }> {
  const key = createPrivateKey(privatePem);
  const curve = Object.values(CURVES).find((each) => each.node === key.asymmetricKeyDetails?.namedCurve);
  if (curve === undefined) throw new Error("the sandbox's stand-in for tls signs with ECDSA keys on P256 or P384 only");
  const algorithm = { name: "ECDSA", namedCurve: curve.web, hash: curve.hash };
  const publicDer = createPublicKey(key).export({ type: "spki", format: "der" });
  const keys = {
    privateKey: await webcrypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), algorithm, true, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", publicDer, algorithm, true, ["verify"]),
  };
  return { keys, algorithm };
}

function subjectName(subject: unknown): string {
  const { commonName, organization } = (subject ?? {}) as Record<string, string | undefined>;
  const quoted = (value: string): string => value.replace(/([,+"\\<>;=])/g, "\\$1");
  return [commonName === undefined ? "" : `CN=${quoted(commonName)}`, organization === undefined ? "" : `O=${quoted(organization)}`]
    .filter((part) => part !== "")
    .join(", ");
}

const USAGES: Readonly<Record<string, x509.KeyUsageFlags>> = {
  cert_signing: x509.KeyUsageFlags.keyCertSign,
  crl_signing: x509.KeyUsageFlags.cRLSign,
  digital_signature: x509.KeyUsageFlags.digitalSignature,
  key_encipherment: x509.KeyUsageFlags.keyEncipherment,
};
const EXTENDED: Readonly<Record<string, string>> = { server_auth: "1.3.6.1.5.5.7.3.1", client_auth: "1.3.6.1.5.5.7.3.2" };

async function extensions(
  inputs: Properties,
  subjectKey: webcrypto.CryptoKey | x509.PublicKey,
  authority: webcrypto.CryptoKey | undefined,
): Promise<x509.Extension[]> {
  const uses = (inputs["allowedUses"] ?? []) as string[];
  const unknown = uses.filter((use) => USAGES[use] === undefined && EXTENDED[use] === undefined);
  if (unknown.length > 0) throw new Error(`allowedUses: unknown use ${unknown.join(", ")}`);
  const usages = uses.flatMap((use) => USAGES[use] ?? []);
  const combined = usages.reduce<number>((all, use) => all | use, 0);
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the library's flags are made to be combined
  const keyUsage = new x509.KeyUsagesExtension(combined, true);
  const extended = uses.flatMap((use) => EXTENDED[use] ?? []);
  const pathLength = typeof inputs["maxPathLength"] === "number" && inputs["maxPathLength"] >= 0 ? inputs["maxPathLength"] : undefined;
  return [
    new x509.BasicConstraintsExtension(
      inputs["isCaCertificate"] === true,
      inputs["isCaCertificate"] === true ? pathLength : undefined,
      true,
    ),
    ...(usages.length === 0 ? [] : [keyUsage]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
    await x509.SubjectKeyIdentifierExtension.create(subjectKey),
    ...(authority === undefined ? [] : [await x509.AuthorityKeyIdentifierExtension.create(authority)]),
  ];
}

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

const MS_PER_HOUR = 60 * 60 * 1000;

function validity(inputs: Properties): { notBefore: Date; notAfter: Date; serialNumber: string } {
  const notBefore = new Date();
  const notAfter = new Date(notBefore.getTime() + Number(inputs["validityPeriodHours"]) * MS_PER_HOUR);
  // Positive, as RFC 5280 wants it.
  const serialNumber = `4${randomBytes(15).toString("hex").slice(1)}`;
  return { notBefore, notAfter, serialNumber };
}

function issued(inputs: Properties, certificate: x509.X509Certificate): { id: string; state: Properties } {
  const times = { validityStartTime: certificate.notBefore.toISOString(), validityEndTime: certificate.notAfter.toISOString() };
  return {
    id: certificate.serialNumber,
    state: { ...inputs, ...times, certPem: `${certificate.toString("pem")}\n`, readyForRenewal: false },
  };
}

async function selfSign(inputs: Properties): Promise<{ id: string; state: Properties }> {
  const { keys, algorithm } = await signingKeys(String(inputs["privateKeyPem"]));
  const name = subjectName(inputs["subject"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(inputs),
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: await extensions(inputs, keys.publicKey, undefined),
  });
  return issued(inputs, certificate);
}

async function request(inputs: Properties): Promise<{ id: string; state: Properties }> {
  const { keys, algorithm } = await signingKeys(String(inputs["privateKeyPem"]));
  const names: x509.JsonGeneralNames = [
    ...((inputs["dnsNames"] ?? []) as string[]).map((value) => ({ type: "dns" as const, value })),
    ...((inputs["ipAddresses"] ?? []) as string[]).map((value) => ({ type: "ip" as const, value })),
  ];
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectName(inputs["subject"]),
    keys,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  const certRequestPem = `${made.toString("pem")}\n`;
  return { id: createHash("sha1").update(certRequestPem).digest("hex"), state: { ...inputs, certRequestPem } };
}

async function locallySign(inputs: Properties): Promise<{ id: string; state: Properties }> {
  const authority = new x509.X509Certificate(String(inputs["caCertPem"]));
  const { keys, algorithm } = await signingKeys(String(inputs["caPrivateKeyPem"]));
  const asked = new x509.Pkcs10CertificateRequest(String(inputs["certRequestPem"]));
  const names = asked.getExtension(SUBJECT_ALTERNATIVE_NAME);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(inputs),
    subject: asked.subject,
    issuer: authority.subject,
    publicKey: asked.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [...(await extensions(inputs, asked.publicKey, keys.publicKey)), ...(names === null ? [] : [names])],
  });
  return issued(inputs, certificate);
}

/** Every change of a key or certificate makes another one. */
function kind(known: readonly string[], required: readonly string[], make: ResourceKind["create"]): ResourceKind {
  return {
    check: (inputs) => checkNames(inputs, known, required),
    diff: (inputs, oldInputs) => diffInputs(inputs, oldInputs, known),
    create: make,
    delete: () => Promise.resolve(),
  };
}

const CERTIFICATE_INPUTS = [
  "allowedUses",
  "earlyRenewalHours",
  "isCaCertificate",
  "maxPathLength",
  "setAuthorityKeyId",
  "setSubjectKeyId",
  "validityPeriodHours",
];
const REQUEST_INPUTS = ["dnsNames", "ipAddresses", "privateKeyPem", "subject", "uris"];

serve({
  name: "tls",
  version: "5.6.1",
  resources: {
    "tls:index/privateKey:PrivateKey": kind(["algorithm", "ecdsaCurve", "rsaBits"], ["algorithm"], (inputs) =>
      Promise.resolve(makeKey(inputs)),
    ),
    "tls:index/selfSignedCert:SelfSignedCert": kind(
      [...CERTIFICATE_INPUTS, ...REQUEST_INPUTS],
      ["allowedUses", "privateKeyPem", "validityPeriodHours"],
      selfSign,
    ),
    "tls:index/certRequest:CertRequest": kind(REQUEST_INPUTS, ["privateKeyPem"], request),
    "tls:index/locallySignedCert:LocallySignedCert": kind(
      [...CERTIFICATE_INPUTS, "caCertPem", "caPrivateKeyPem", "certRequestPem"],
      ["allowedUses", "caCertPem", "caPrivateKeyPem", "certRequestPem", "validityPeriodHours"],
      locallySign,
    ),
  },
});
