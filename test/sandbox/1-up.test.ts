// Proves on eighteen real machines, raised by the real engine: what up promises, that a second up changes nothing, and what each machine
// lets in, keeps and refuses.
import { Client } from "ssh2";
import { beforeAll, describe, expect, it } from "vitest";
import { removeSandbox } from "../../sandbox/down";
import { runRemote } from "../../sandbox/plugins/ssh";
import { VERIFICATION_BUNDLE } from "../../src/machines/preparation/files";
import { RECEIVER_PATH, renderBundle } from "../../src/remote/bundle";
import type { RaisedSandbox } from "./fixture";
import { attach, NAME, raiseTest, RESOURCES } from "./fixture";

let sandbox: RaisedSandbox;

beforeAll(async () => {
  await removeSandbox(NAME, () => undefined);
  sandbox = await attach();
});

describe("up", () => {
  it("makes every resource of the plan and verifies eighteen machines", async () => {
    expect(sandbox.result.progress.changes).toEqual({ create: RESOURCES });
    expect(await sandbox.problems()).toEqual([]);
    expect(sandbox.machines).toHaveLength(18);
    expect(await sandbox.access.names()).toEqual(sandbox.names);
  });

  it("run again changes nothing", async () => {
    expect((await raiseTest()).progress.changes).toEqual({ same: RESOURCES });
  });
});

describe("on the machines", () => {
  it("host name, addresses, accounts and authority are as planned", async () => {
    expect((await sandbox.access.shell("vault1", "hostname -f")).trim()).toBe("vault1.sandbox.test");
    expect(await sandbox.access.shell("gitops1", "id deploy")).toContain("platform-ssh");
    expect(await sandbox.access.shell("gitops1", "sudo -l -U deploy")).toMatch(/\(root\) NOPASSWD: \/usr\/local\/sbin\/platform-apply/);
    await sandbox.access.shell("rkedmz1", "openssl verify -CApath /etc/ssl/certs /usr/local/share/ca-certificates/platform-root.crt");
  });

  it("the data disk of its role is mounted, at its size, by UUID", async () => {
    const mounts = { vault1: ["/var/lib/vault", 20], gitops1: ["/srv", 200], rkeapp2: ["", 0] } as const;
    for (const [name, [path, gigabytes]] of Object.entries(mounts).filter(([, [path]]) => path !== "")) {
      const [source, size] = (await sandbox.access.shell(name, `findmnt -bno SOURCE,SIZE ${path}`)).trim().split(/\s+/);
      expect(source).toBe("/dev/sdb");
      expect(Number(size) / 1024 ** 3).toBeGreaterThan(gigabytes * 0.95);
      expect(await sandbox.access.shell(name, "cat /etc/fstab")).toMatch(new RegExp(`^UUID=[0-9a-f-]+ ${path} ext4 `, "m"));
    }
  });

  it("a password is refused, and so is root", async () => {
    const login = (username: string): Promise<string> =>
      new Promise((resolve) => {
        const client = new Client();
        client.on("ready", () => {
          client.end();
          resolve("let in");
        });
        client.on("error", (error) => {
          resolve(error.message);
        });
        client.connect({
          host: sandbox.machine("vault1").address,
          username,
          password: "guess",
          readyTimeout: 10_000,
          hostVerifier: () => true,
        });
      });
    expect(await login("deploy")).toContain("All configured authentication methods failed");
    const asRoot = runRemote({ ...sandbox.connection("vault1"), user: "root", dialErrorLimit: 0 }, "id", "");
    await expect(asRoot).rejects.toThrow("All configured authentication methods failed");
  });

  it("a machine with another host key is not spoken to", async () => {
    const wrong = runRemote({ ...sandbox.connection("vault1"), hostKey: sandbox.machine("gitops1").hostKey, dialErrorLimit: 0 }, "id", "");
    await expect(wrong).rejects.toThrow("another host key than the pinned one");
  });

  it("the deployer may do one thing as root", async () => {
    const { code, stderr } = await runRemote(sandbox.connection("vault1"), "sudo -n id", "");
    expect(code).not.toBe(0);
    expect(stderr).toContain("password is required");
  });

  // A port that the firewall lets through answers, be it with a refusal; a closed one not at all.
  it.each([
    ["lbdmz1", "198.18.M.24", "8443", "open", "the registry, from the DMZ"],
    ["lbdmz1", "198.18.M.32", "8200", "closed", "Vault, from the DMZ"],
    ["lbdmz1", "198.18.M.24", "443", "closed", "Gogs, from the DMZ"],
    ["lblan1", "198.18.M.32", "8200", "open", "Vault, from LBLAN"],
    ["lblan1", "198.18.M.32", "22", "closed", "SSH, from a load balancer"],
    ["rkeapp-master1", "198.18.L.37", "2379", "open", "etcd, from a member"],
    ["rkemiddleware-master1", "198.18.L.37", "2379", "closed", "etcd of another cluster"],
    ["gitops1", "198.18.L.36", "6443", "closed", "a cluster's node, from INFRA"],
  ])("%s to %s:%s is %s (%s)", async (from, to, port, expected) => {
    const third = (zone: number): string => String(sandbox.result.facts.slot * 4 + zone);
    const address = to.replace("M", third(1)).replace("L", third(0));
    const { ok, output } = await sandbox.access.attempt(from, `nc -z -v -w 3 ${address} ${port}`);
    const found = ok || output.includes("refused") ? "open" : "closed";
    expect(found, output).toBe(expected);
  });

  it("a disk that is not blank is not formatted", async () => {
    await sandbox.access.shell(
      "rkeapp-master1",
      "echo precious > /var/lib/longhorn/kept && umount /var/lib/longhorn && e2label /dev/sdb other",
    );
    const { ok, output } = await sandbox.access.attempt(
      "rkeapp-master1",
      "PLATFORM_CHANGED= /usr/local/lib/platform/prepare/60-data-disk.sh",
    );
    expect(ok).toBe(false);
    expect(output).toContain("/dev/sdb is not blank");
    await sandbox.access.shell(
      "rkeapp-master1",
      "e2label /dev/sdb platform-data && PLATFORM_CHANGED= /usr/local/lib/platform/prepare/60-data-disk.sh",
    );
    expect(await sandbox.access.shell("rkeapp-master1", "cat /var/lib/longhorn/kept")).toBe("precious\n");
  });

  it("rules that lock the deployer out take themselves back; the next runs load the right ones and confirm them", async () => {
    const name = "lbintegration2";
    const rules = "/etc/platform/nftables.conf";
    const locked =
      "table inet platform\\ndelete table inet platform\\ntable inet platform { chain input { type filter hook input priority filter; policy drop; }; }\\n";
    const load = "PLATFORM_BUNDLE=prepare /usr/local/lib/platform/prepare/90-firewall.sh";
    await sandbox.access.shell(name, `cp ${rules} /root/good && printf '${locked}' > ${rules} && ${load}`);
    const dial = { ...sandbox.connection(name), dialErrorLimit: 0, perDialTimeout: 3 };
    await expect(runRemote(dial, "true", "")).rejects.toThrow("could not reach");
    // What the timer does in 35 minutes; here at once.
    expect(await sandbox.access.shell(name, "systemctl is-active platform-firewall-rollback.timer")).toBe("active\n");
    expect((await sandbox.access.attempt(name, `cmp ${rules} /etc/nftables.conf`)).ok).toBe(false);
    await sandbox.access.shell(name, `systemctl start platform-firewall-rollback.service && cp /root/good ${rules}`);
    expect((await runRemote(dial, "true", "")).code).toBe(0);
    const verify = (): ReturnType<typeof runRemote> => runRemote(dial, `sudo -n ${RECEIVER_PATH}`, renderBundle(VERIFICATION_BUNDLE));
    const first = await verify();
    expect(first.code).toBe(1);
    expect(first.stderr).toContain("the firewall's rules had been taken back");
    expect((await verify()).code).toBe(0);
    await sandbox.access.shell(name, `cmp ${rules} /etc/nftables.conf && ! systemctl is-active platform-firewall-rollback.timer`);
  });

  it("a step that fails says so with its last lines, and is not skipped the next time", async () => {
    const step = (body: string): string =>
      renderBundle({
        name: "drill",
        files: [
          { path: "/etc/platform/drill", mode: "0644", content: "one\n" },
          { path: "/usr/local/lib/platform/drill.sh", mode: "0755", content: `#!/bin/sh\n${body}\n` },
        ],
        steps: [{ name: "drill", path: "/usr/local/lib/platform/drill.sh", timeoutSeconds: 20 }],
      });
    const apply = (stdin: string): ReturnType<typeof runRemote> =>
      runRemote(sandbox.connection("lblan2"), `sudo -n ${RECEIVER_PATH}`, stdin);
    const failed = await apply(step("echo the reason; exit 3"));
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("step drill ended with code 3; its last lines");
    expect(failed.stderr).toContain("  the reason");
    const repaired = await apply(step('echo "report changed=$(echo $PLATFORM_CHANGED)"'));
    expect(JSON.parse(repaired.stdout)).toMatchObject({ report: { changed: "/etc/platform/drill /usr/local/lib/platform/drill.sh" } });
    const late = await apply(step("sleep 60").replace('"timeoutSeconds":20', '"timeoutSeconds":1'));
    expect(late.stderr).toContain("step drill was ended after its 1 s");
    const gone = await apply(renderBundle({ name: "drill", files: [], steps: [] }));
    expect(JSON.parse(gone.stdout)).toMatchObject({ changed: expect.arrayContaining(["/etc/platform/drill"]) as unknown });
    expect((await sandbox.access.attempt("lblan2", "test -e /etc/platform/drill")).ok).toBe(false);
  });
});
