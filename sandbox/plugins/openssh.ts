import { createHash } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** Ed25519 keys in OpenSSH's own formats (openssh PROTOCOL.key), which Node's crypto cannot write. */

const TYPE = "ssh-ed25519";
const BLOCK = 8;
const LINE = 70;

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function publicBlob(publicKey: Buffer): Buffer {
  return Buffer.concat([field(TYPE), field(publicKey)]);
}

function raw(key: KeyObject, part: "x" | "d"): Buffer {
  return Buffer.from(key.export({ format: "jwk" })[part] ?? "", "base64url");
}

/** `ssh-ed25519 AAAA...` with a final newline, as the tls provider gives it. */
export function opensshPublic(key: KeyObject): string {
  return `${TYPE} ${publicBlob(raw(key, "x")).toString("base64")}\n`;
}

/** The private key's file, without a passphrase. */
export function opensshPrivate(key: KeyObject): string {
  const publicKey = raw(key, "x");
  // Any number will do as long as it stands there twice: it tells a right passphrase from a wrong one.
  const check = createHash("sha256").update(publicKey).digest().subarray(0, 4);
  const inner = Buffer.concat([check, check, publicBlob(publicKey), field(Buffer.concat([raw(key, "d"), publicKey])), field("")]);
  const padding = Buffer.from(Array.from({ length: (BLOCK - (inner.length % BLOCK)) % BLOCK }, (_, index) => index + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const whole = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    one,
    field(publicBlob(publicKey)),
    field(Buffer.concat([inner, padding])),
  ]);
  const lines = whole.toString("base64").match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}
