// Proves that the backup store gives each client its own bucket and nobody a way to destroy versions, and that no secret of the platform
// is in a process list, an environment, a log or a file that everybody may read, on any machine.
import { beforeAll, describe, expect, it } from "vitest";
import { attach } from "./fixture";
import type { RaisedSandbox } from "./fixture";

let sandbox: RaisedSandbox;

beforeAll(async () => {
  sandbox = await attach();
});

/** Runs Python on the store's machine with the store's own S3 calls at hand. */
function s3(program: string): Promise<string> {
  const encoded = Buffer.from(
    `import sys\nsys.path.insert(0, "/usr/local/lib/platform/backup-store")\nfrom s3 import call\n${program}`,
  ).toString("base64");
  return sandbox.access.shell("monitoring1", `printf %s ${encoded} | base64 -d | python3 -`);
}

describe("backup store", () => {
  it("keeps what a client overwrites and deletes", async () => {
    const printed = await s3(`
call("PUT", "/etcd/test", body=b"one", access="backup-etcd")
call("PUT", "/etcd/test", body=b"two", access="backup-etcd")
print(call("GET", "/etcd/test", access="backup-etcd"))
print(call("DELETE", "/etcd/test", access="backup-etcd")[0])
print(call("GET", "/etcd/test", access="backup-etcd")[0])
versions = call("GET", "/etcd", {"versions": ""})[1].decode()
print(versions.count("<Version>"), versions.count("<DeleteMarker>"))
version = versions.split("<VersionId>")[2].split("<")[0]
print(call("DELETE", "/etcd/test", {"versionId": version}, access="backup-etcd")[0])
print(call("PUT", "/etcd", {"versioning": ""}, b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Suspended</Status></VersioningConfiguration>', access="backup-etcd")[0])
`);
    expect(printed.trim().split("\n")).toEqual(["(200, b'two')", "204", "404", "2 1", "403", "403"]);
  });

  it("lets no client into another's bucket, and nobody in without a key", async () => {
    const printed = await s3(`
print(call("GET", "/vault", {"list-type": "2"}, access="backup-etcd")[0], call("PUT", "/vault/test", body=b"x", access="backup-etcd")[0])
import ssl, urllib.request, urllib.error
from s3 import SETTINGS
try:
    urllib.request.urlopen("https://%s:9000/vault" % SETTINGS["address"])
except urllib.error.HTTPError as error:
    print(error.code)
`);
    expect(printed.trim().split("\n")).toEqual(["403 403", "403"]);
  });

  it("removes versions that are past their time, and only those", async () => {
    const printed = await s3(`
import json, subprocess
def versions():
    text = call("GET", "/longhorn", {"versions": ""})[1].decode()
    return text.count("<Version>"), text.count("<DeleteMarker>")
call("PUT", "/longhorn/old", body=b"one", access="backup-longhorn")
call("PUT", "/longhorn/old", body=b"two", access="backup-longhorn")
before = versions()
subprocess.run(["/usr/local/lib/platform/backup-store/prune.py"], check=True, stdout=subprocess.DEVNULL)
kept = versions()
path = "/etc/platform/backup-store/buckets.json"
text = open(path).read()
open(path, "w").write(json.dumps(dict(json.loads(text), retentionDays=-1)))
subprocess.run(["/usr/local/lib/platform/backup-store/prune.py"], check=True, stdout=subprocess.DEVNULL)
open(path, "w").write(text)
print(before, kept, versions(), call("GET", "/longhorn/old", access="backup-longhorn")[1])
`);
    expect(printed.trim()).toBe("(2, 0) (2, 0) (1, 0) b'two'");
  });
});

describe("backups", () => {
  it("go on after a client that went away in the middle of one", async () => {
    const restic = "/usr/local/lib/platform/backups/restic.sh gogs";
    // Killed while it holds its lock, as by a restart of the machine.
    const left = `(sleep 60 | ${restic} backup --quiet --tag other --host other --stdin > /dev/null 2>&1 &) ; until ${restic} list locks --no-lock | grep -q .; do :; done; pkill -9 -x restic; pkill -x sleep; ${restic} list locks --no-lock | wc -l`;
    expect(Number((await sandbox.access.shell("gitops1", left)).trim())).toBeGreaterThanOrEqual(1);
    await sandbox.access.shell("gitops1", "systemctl start platform-backup-gogs.service");
    expect((await sandbox.access.shell("gitops1", `${restic} list locks --no-lock | wc -l`)).trim()).toBe("0");
  });

  it("start anew on a store that was emptied", async () => {
    await s3(`
import re
for key, version in re.findall(r"<Key>([^<]+)</Key>.*?<VersionId>([^<]+)<", call("GET", "/gogs", {"versions": ""})[1].decode(), re.S):
    call("DELETE", "/gogs/" + key, {"versionId": version})
`);
    const restic = "/usr/local/lib/platform/backups/restic.sh gogs";
    expect((await sandbox.access.attempt("gitops1", `${restic} cat config --no-lock`)).ok).toBe(false);
    await sandbox.access.shell("gitops1", "systemctl start platform-backup-gogs.service");
    expect(JSON.parse(await sandbox.access.shell("gitops1", `${restic} snapshots --json`))).toHaveLength(1);
  });
});

describe("secrets", () => {
  it.each([
    ["process lists", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'"],
    ["environments", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"],
    ["logs", "journalctl --no-pager --output=cat; cat /var/log/platform/* /var/log/*.log /var/lib/vault/audit/*.log 2>/dev/null; true"],
    [
      "files that everybody may read",
      "find /etc /var /srv /run /tmp /opt /usr/local /home -xdev -type f -perm -o=r -size -2000k -print0 2>/dev/null | xargs -0 cat 2>/dev/null; true",
    ],
  ])("none in %s", async (_, command) => {
    const passwords = Object.entries(await sandbox.passwords());
    expect(passwords.length).toBeGreaterThan(12);
    const patterns = Buffer.from(`${passwords.map(([, value]) => value).join("\n")}\n`).toString("base64");
    const found: string[] = [];
    for (const name of sandbox.names) {
      // The patterns come by a file that only root reads: as an argument they would find themselves.
      const line = `umask 077; f=$(mktemp); printf %s ${patterns} | base64 -d > $f; (${command}) | grep -aFof $f; code=$?; rm -f $f; [ $code -le 1 ]`;
      const hits = (await sandbox.access.shell(name, line)).trim();
      if (hits !== "")
        found.push(
          `${name}: ${passwords
            .filter(([, value]) => hits.includes(value))
            .map(([key]) => key)
            .join(", ")}`,
        );
    }
    expect(found).toEqual([]);
  });
});
