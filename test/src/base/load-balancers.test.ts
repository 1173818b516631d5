// Proves that every service name is routed, certified and resolvable; that nothing unverified is spoken to; that statistics stay on the
// machine; and that both of a pair differ in what they must.
import { describe, expect, it } from "vitest";
import { renderGitopsHaproxy } from "../../../src/base/gitops-front";
import { renderPairHaproxy, renderPairKeepalived } from "../../../src/base/load-balancers/files";
import { LOAD_BALANCER_GROUPS, pairRoutes } from "../../../src/base/load-balancers/routes";
import type { PlatformConfig } from "../../../src/config/schema";
import { requirePlatform } from "../../../src/config/parse";
import { SERVICE_NAMES, serviceHost, serviceNamesFor } from "../../../src/network/dns";
import { planPlatform } from "../../../src/plan/platform-plan";
import type { PlannedMachine, PlatformPlan } from "../../../src/plan/platform-plan";
import { rawStack } from "../config/valid";

function planned(changes: Readonly<Record<string, unknown>> = {}): { config: PlatformConfig; plan: PlatformPlan } {
  const config = requirePlatform("prod", { ...rawStack("prod"), ...changes });
  return { config, plan: planPlatform(config) };
}

function machine(plan: PlatformPlan, group: string, ordinal = 1): PlannedMachine {
  const found = plan.machines.find((each) => each.group === group && each.ordinal === ordinal);
  if (found === undefined) throw new Error(`no ${group}${ordinal}`);
  return found;
}

describe.each([[["eservices", "gco"]], [["eservices"]], [["gco"]]])("products %s", (products) => {
  const { config, plan } = planned({ products });

  it("every service name has a route or a port of its own, a certificate and a record, at the address it resolves to", () => {
    for (const { label, via } of serviceNamesFor(config.products)) {
      const host = serviceHost(config, label);
      const { names, frontEnds } = pairRoutes(config, plan, via);
      expect(names, host).toContain(host);
      const record = plan.dns.find((each) => each.name === host);
      const routed = frontEnds.some(
        (front) => front.kind === "https" && front.address === record?.ip && front.routes.some((route) => route.host === host),
      );
      expect(routed || label === "kafka-mobile", host).toBe(true);
    }
  });

  it("a product left out leaves no name behind", () => {
    const left = SERVICE_NAMES.filter((each) => each.product !== undefined && !products.includes(each.product));
    const all = LOAD_BALANCER_GROUPS.flatMap((group) => pairRoutes(config, plan, group).names);
    for (const { label } of left) expect(all).not.toContain(serviceHost(config, label));
  });

  it("every back end exists and has a server", () => {
    for (const group of LOAD_BALANCER_GROUPS) {
      const { frontEnds, backEnds } = pairRoutes(config, plan, group);
      const used = frontEnds.flatMap((front) =>
        front.kind === "https" ? front.routes.map((route) => route.backEnd) : front.kind === "tcp" ? [front.backEnd] : [],
      );
      expect([...new Set(used)].sort()).toEqual(backEnds.map((each) => each.name).sort());
      for (const each of backEnds) expect(each.servers.length, each.name).toBeGreaterThan(0);
    }
  });
});

describe("HAProxy", () => {
  const { config, plan } = planned();
  const texts = [
    ...plan.machines.filter((each) => each.roles.includes("load-balancer")).map((each) => renderPairHaproxy(config, plan, each)),
    renderGitopsHaproxy(config, plan, machine(plan, "gitops")),
  ];

  it("verifies every server that it opens TLS to", () => {
    const servers = texts.flatMap((text) => text.split("\n").filter((line) => /^ {4}server .* ssl /.test(line)));
    expect(servers.length).toBeGreaterThan(20);
    for (const line of servers) expect(line).toMatch(/ ssl verify required ca-file tls\/ca\.pem sni \S+.* check-sni \S+/);
    for (const text of texts) expect(text).not.toContain("verify none");
  });

  it("shows statistics and metrics to its own machine only", () => {
    for (const text of texts) expect(text).toMatch(/frontend status\n {4}bind 127\.0\.0\.1:8404\n/);
  });

  it("believes nobody but the edge about the client's address, and the edge nobody", () => {
    const edge = [1, 2].map((ordinal) => machine(plan, "lbdmz", ordinal).ip).join(" ");
    expect(renderPairHaproxy(config, plan, machine(plan, "lblan"))).toContain(
      `http-request del-header X-Forwarded-For unless { src ${edge} }\n`,
    );
    expect(renderPairHaproxy(config, plan, machine(plan, "lbdmz"))).toContain("http-request del-header X-Forwarded-For\n");
  });

  it("a flooded front end leaves the others theirs, and one address takes a tenth of the public ones", () => {
    for (const group of ["lblan", "lbdmz", "lbintegration"]) {
      const text = renderPairHaproxy(config, plan, machine(plan, group));
      const [all = 0, ...fronts] = [...text.matchAll(/^ {4}maxconn (\d+)$/gm)].map((match) => Number(match[1]));
      expect(fronts.length).toBe([...text.matchAll(/^ {4}bind /gm)].length - 1);
      expect(all).toBe(200 + fronts.reduce((sum, each) => sum + each, 0));
    }
    // Public: pages, redirect and four ports of Kafka; the cluster's own two ports are the firewall's to guard.
    const limits = renderPairHaproxy(config, plan, machine(plan, "lbdmz")).match(/reject if \{ sc0_conn_cur gt 400 \}/g);
    expect(limits).toHaveLength(6);
  });

  it("serves no console to the DMZ", () => {
    const text = renderPairHaproxy(config, plan, machine(plan, "lblan"));
    const [, hosts = ""] = /deny_status 403 if \{ src 203\.0\.113\.0\/24 \} !\{ hdr\(host\),field\(1,:\),lower ([^}]*) \}/.exec(text) ?? [];
    expect(hosts.split(" ")).toEqual(
      (
        [
          "keycloak",
          "apim",
          "registry",
          "gogs",
          "vault",
          "rancher",
          "flowable",
          "gco",
          "ael-client-ui-interne",
          "ael-back-ui",
          "ael-client-ui",
        ] as const
      ).map((label) => serviceHost(config, label)),
    );
  });

  it("reaches two external services on the same port at different hosts, each by a port of its own", () => {
    const service = (host: string): object => ({ kind: "http", host, port: 8443, tls: true });
    const other = planned({ externalServices: { one: service("192.0.2.201"), two: service("192.0.2.202") } });
    const text = renderPairHaproxy(other.config, other.plan, machine(other.plan, "lbintegration"));
    const [one, two] = other.plan.external;
    expect(one?.listenPort).not.toBe(two?.listenPort);
    expect(text).toContain(
      `bind ${other.plan.virtualAddresses.find((each) => each.name === "lbintegration")?.ip ?? ""}:${one?.listenPort ?? 0}\n`,
    );
    expect(text).toContain("server one 192.0.2.201:8443 check");
    expect(text).toContain("server two 192.0.2.202:8443 check");
  });

  it("starts without a name server: names of external services are looked up while it runs", () => {
    const other = planned({ externalServices: { one: { kind: "http", host: "one.example.org", port: 8443, tls: true } } });
    expect(renderPairHaproxy(other.config, other.plan, machine(other.plan, "lbintegration"))).toMatch(
      /server one one\.example\.org:8443 check .*init-addr none\n/,
    );
  });

  it("lets only the deployer write to the registry", () => {
    expect(renderGitopsHaproxy(config, plan, machine(plan, "gitops"))).toContain(
      "http-request deny deny_status 403 unless { method GET HEAD OPTIONS } or { http_auth_user deployer } or !{ req.hdr(authorization) -m found }",
    );
  });
});

describe("keepalived", () => {
  const { config, plan } = planned();

  it("the two of a pair name each other and differ in nothing else that counts", () => {
    const [first, second] = [1, 2].map((ordinal) => renderPairKeepalived(config, plan, machine(plan, "lblan", ordinal)));
    const [one, two] = [1, 2].map((ordinal) => machine(plan, "lblan", ordinal));
    const lines = (text = ""): readonly string[] => text.split("\n");
    const differing = lines(first).flatMap((line, index) => (line === lines(second)[index] ? [] : [line.trim().split(" ")[0] ?? ""]));
    expect(differing).toEqual(["router_id", "priority", "unicast_src_ip", two?.ip]);
    expect(first).toContain(`unicast_src_ip ${one?.ip ?? ""}\n    unicast_peer {\n        ${two?.ip ?? ""}\n`);
    expect(second).toContain(`unicast_src_ip ${two?.ip ?? ""}\n    unicast_peer {\n        ${one?.ip ?? ""}\n`);
  });

  it("pairs of one network have router ids of their own", () => {
    const ids = ["lblan", "lbintegration"].map(
      (group) => /virtual_router_id (\d+)/.exec(renderPairKeepalived(config, plan, machine(plan, group)))?.[1],
    );
    expect(new Set(ids).size).toBe(2);
  });
});
