/** Vault's policies that the platform's own programs live by. */

/** The key-value store that holds every credential of the platform. */
export const CREDENTIALS_MOUNT = "platform";

const all = ["create", "read", "update", "delete", "list"];

function policy(rules: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(rules)
    .map(([path, capabilities]) => `path "${path}" {\n  capabilities = ${JSON.stringify(capabilities)}\n}\n`)
    .join("");
}

/** `pulumi up`: credentials and policies; neither snapshots nor seals nor the audit log. Later layers add what they need. */
export const DEPLOYER_POLICY = policy({
  [`${CREDENTIALS_MOUNT}/*`]: all,
  "sys/policies/acl/*": all,
  "auth/token/lookup-self": ["read"],
  "auth/token/revoke-self": ["update"],
});

/** The nightly snapshot, and nothing else. */
export const SNAPSHOT_POLICY = policy({ "sys/storage/raft/snapshot": ["read"], "auth/token/revoke-self": ["update"] });
