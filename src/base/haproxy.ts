/** HAProxy's configuration as typed front ends and back ends, and its text. Every connection it makes over TLS is verified. */

/** Where a back end is served: an address, or a name that DNS knows. */
export interface Server {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** What a healthy server answers. A bare connection is for protocols HAProxy does not speak. */
export type Check = { readonly kind: "connect" } | { readonly kind: "http"; readonly path: string; readonly expect: readonly number[] };

export interface BackEnd {
  readonly name: string;
  readonly mode: "http" | "tcp";
  readonly servers: readonly Server[];
  readonly check: Check;
  /** HAProxy opens TLS to the servers itself: their certificate must hold this name, or the requested host's where it is left out. */
  readonly tls?: { readonly serverName?: string; readonly checkName: string };
  /** Name servers for hosts given by name. */
  readonly resolvers?: boolean;
}

/** Requests for a host, or for a path below it, go to a back end. Longer paths are tried first. */
export interface Route {
  readonly host: string;
  readonly path?: string;
  readonly backEnd: string;
  /** Sends a request for `/` there: some applications live below a path of their own. */
  readonly home?: string;
}

interface Listener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Connections it may hold at once: one that is flooded leaves the others theirs. */
  readonly connections: number;
  /** Of them, what one address may hold: for a front end that anybody reaches. */
  readonly connectionsPerSource?: number | undefined;
}

export type FrontEnd =
  | (Listener & {
      readonly kind: "https";
      readonly certificate: string;
      readonly routes: readonly Route[];
      /** Proxies of ours in front of this one, whose word on the client's address counts. */
      readonly trustedProxies: readonly string[];
      /** Who alone may change anything, by the name of HTTP basic authentication; the back end checks the password. */
      readonly onlyWriter?: string;
      /** Paths nobody is to reach from outside. */
      readonly closedPaths?: readonly string[];
      /** From these networks, only these hosts: what else is served here is none of their business. */
      readonly restricted?: {
        readonly networks: readonly string[];
        readonly hosts: readonly string[];
        /** Below these paths of this host, not even that. */
        readonly closed?: { readonly host: string; readonly paths: readonly string[] };
      };
    })
  | (Listener & { readonly kind: "redirect" })
  | (Listener & { readonly kind: "tcp"; readonly backEnd: string });

export interface HaproxyInput {
  readonly host: string;
  /** For servers given by name. */
  readonly nameServers: readonly string[];
  readonly frontEnds: readonly FrontEnd[];
  readonly backEnds: readonly BackEnd[];
}

/** Kept free for health checks and for people who look at a flooded machine. */
const RESERVED_CONNECTIONS = 200;

/** Where metrics, statistics and HAProxy's own health are served, to the machine itself only. */
export const STATUS_PORT = 8404;

/** Forward secrecy and authenticated encryption only: Mozilla's intermediate list, version 5.7. */
const TLS_1_2_CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");
const TLS_1_3_CIPHERS = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

function globalSection(input: HaproxyInput): readonly string[] {
  return [
    "# Managed by Pulumi: edits are overwritten. Made by src/base/haproxy.ts.",
    `# ${input.host}`,
    "global",
    "    # Paths of certificates are relative to this file, so that a new set is checked whole before it takes the old one's place.",
    "    default-path config",
    "    user haproxy",
    "    group haproxy",
    "    chroot /var/lib/haproxy",
    "    log stdout format short daemon",
    `    maxconn ${input.frontEnds.reduce((sum, front) => sum + front.connections, RESERVED_CONNECTIONS)}`,
    "    # Listening sockets pass to the next process on a reload: no connection is refused meanwhile.",
    "    stats socket /run/haproxy/admin.sock mode 0600 level admin expose-fd listeners",
    "    hard-stop-after 10m",
    `    ssl-default-bind-ciphers ${TLS_1_2_CIPHERS}`,
    `    ssl-default-bind-ciphersuites ${TLS_1_3_CIPHERS}`,
    "    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
    `    ssl-default-server-ciphers ${TLS_1_2_CIPHERS}`,
    `    ssl-default-server-ciphersuites ${TLS_1_3_CIPHERS}`,
    "    ssl-default-server-options ssl-min-ver TLSv1.2",
    "",
    "defaults",
    "    log global",
    "    mode http",
    "    option dontlognull",
    "    option redispatch",
    "    retries 3",
    "    timeout connect 5s",
    "    timeout client 60s",
    "    timeout server 60s",
    "    timeout http-request 10s",
    "    timeout http-keep-alive 30s",
    "    timeout queue 30s",
    "    timeout check 3s",
    "    # Web sockets, kubectl exec, Kafka, databases and directories stay open.",
    "    timeout tunnel 1h",
    "    timeout client-fin 30s",
    "    default-server inter 2s fastinter 500ms downinter 2s fall 2 rise 2",
    "",
    `frontend status`,
    `    bind 127.0.0.1:${STATUS_PORT}`,
    "    no log",
    "    monitor-uri /health",
    "    http-request use-service prometheus-exporter if { path /metrics }",
    "    stats enable",
    "    stats uri /statistics",
    "    stats refresh 10s",
  ];
}

function resolversSection(input: HaproxyInput): readonly string[] {
  if (!input.backEnds.some((backEnd) => backEnd.resolvers === true)) return [];
  return [
    "",
    "resolvers platform",
    ...input.nameServers.map((address, index) => `    nameserver dns${index + 1} ${address}:53`),
    "    resolve_retries 3",
    "    timeout resolve 1s",
    "    timeout retry 1s",
    "    hold valid 30s",
    "    # Name servers that are away say nothing about a service: the address last known stays.",
    ...["timeout", "refused", "other"].map((status) => `    hold ${status} 24h`),
    "    hold nx 10m",
  ];
}

/** The path without its query, which may hold a token, as may the rest of one of Rancher's own. */
const LOG_FORMAT = `"%ci:%cp %ft %b/%s %Tq/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %ac/%fc/%bc/%sc/%rc %[capture.req.hdr(0)] %HM %[var(txn.path)]"`;
const SECRET_PATH = "/v3/import/";

function condition(route: Route): string {
  const host = `{ hdr(host),field(1,:),lower ${route.host} }`;
  return route.path === undefined ? host : `${host} { path_beg ${route.path} }`;
}

/** What every front end of ours begins with. */
function listener(front: FrontEnd, options = ""): readonly string[] {
  const { connectionsPerSource } = front;
  return [
    `    bind ${front.address}:${front.port}${options}`,
    `    maxconn ${front.connections}`,
    ...(connectionsPerSource === undefined
      ? []
      : [
          "    stick-table type ip size 100k expire 10m store conn_cur",
          "    tcp-request connection track-sc0 src",
          `    tcp-request connection reject if { sc0_conn_cur gt ${connectionsPerSource} }`,
        ]),
  ];
}

function httpsFrontEnd(front: Extract<FrontEnd, { kind: "https" }>): readonly string[] {
  const byPathFirst = [...front.routes].sort((left, right) => (right.path?.length ?? 0) - (left.path?.length ?? 0));
  const trusted = front.trustedProxies.length === 0 ? "" : ` unless { src ${front.trustedProxies.join(" ")} }`;
  return [
    `frontend ${front.name}`,
    ...listener(front, ` ssl crt ${front.certificate} alpn h2,http/1.1`),
    "    http-request capture hdr(host) len 100",
    `    log-format ${LOG_FORMAT}`,
    "    http-request set-var(txn.path) path",
    `    http-request set-var(txn.path) str(${SECRET_PATH}) if { path_beg ${SECRET_PATH} }`,
    "    # Only our own proxies may say who the client is.",
    `    http-request del-header X-Forwarded-For${trusted}`,
    "    http-request del-header Forwarded",
    "    option forwardfor",
    "    http-request set-header X-Forwarded-Proto https",
    "    http-request set-header X-Forwarded-Host %[req.hdr(host)]",
    `    http-request set-header X-Forwarded-Port ${front.port}`,
    "    http-response set-header Strict-Transport-Security max-age=31536000",
    ...(front.onlyWriter === undefined
      ? []
      : [
          "    # Who may write is decided here by name; that the name is true is for the back end's password check.",
          `    http-request deny deny_status 403 unless { method GET HEAD OPTIONS } or { http_auth_user ${front.onlyWriter} } or !{ req.hdr(authorization) -m found }`,
        ]),
    ...(front.restricted === undefined
      ? []
      : [
          `    http-request deny deny_status 403 if { src ${front.restricted.networks.join(" ")} } !{ hdr(host),field(1,:),lower ${front.restricted.hosts.join(" ")} }`,
          ...(front.restricted.closed === undefined
            ? []
            : [
                `    http-request deny deny_status 403 if { src ${front.restricted.networks.join(" ")} } { hdr(host),field(1,:),lower ${front.restricted.closed.host} } { path,url_dec -m beg ${front.restricted.closed.paths.join(" ")} }`,
              ]),
        ]),
    ...(front.closedPaths === undefined
      ? []
      : [`    http-request deny deny_status 404 if { path,url_dec -m beg ${front.closedPaths.join(" ")} }`]),
    ...front.routes.flatMap((route) =>
      route.home === undefined
        ? []
        : [
            `    http-request redirect location ${route.home} code 302 if ${condition(route)} { path / } !{ req.hdr(authorization) -m found }`,
          ],
    ),
    `    http-request deny deny_status 404 unless { hdr(host),field(1,:),lower ${[...new Set(front.routes.map((route) => route.host))].join(" ")} }`,
    ...byPathFirst.map((route) => `    use_backend ${route.backEnd} if ${condition(route)}`),
  ];
}

function frontEndSection(front: FrontEnd): readonly string[] {
  switch (front.kind) {
    case "https":
      return ["", ...httpsFrontEnd(front)];
    case "redirect":
      return ["", `frontend ${front.name}`, ...listener(front), "    http-request redirect scheme https code 301"];
    case "tcp":
      return [
        "",
        `frontend ${front.name}`,
        "    mode tcp",
        "    option tcplog",
        ...listener(front),
        `    default_backend ${front.backEnd}`,
      ];
  }
}

function serverLine(backEnd: BackEnd, server: Server): string {
  const { tls } = backEnd;
  const verified =
    tls === undefined
      ? ""
      : ` ssl verify required ca-file tls/ca.pem sni ${tls.serverName === undefined ? "req.hdr(host),field(1,:),lower" : `str(${tls.serverName})`} check-sni ${tls.checkName}`;
  const named = backEnd.resolvers === true ? " resolvers platform resolve-prefer ipv4 init-addr none" : "";
  return `    server ${server.name} ${server.host}:${server.port} check${verified}${named}`;
}

function backEndSection(backEnd: BackEnd): readonly string[] {
  const { check } = backEnd;
  return [
    "",
    `backend ${backEnd.name}`,
    ...(backEnd.mode === "tcp" ? ["    mode tcp"] : []),
    "    balance leastconn",
    ...(check.kind === "http"
      ? [
          "    option httpchk",
          `    http-check send meth GET uri ${check.path} ver HTTP/1.1 hdr Host ${backEnd.tls?.checkName ?? "localhost"}`,
          `    http-check expect status ${check.expect.join(",")}`,
        ]
      : []),
    ...backEnd.servers.map((server) => serverLine(backEnd, server)),
  ];
}

/** The whole file, accepted by `haproxy -c`. Same input, same text. */
export function renderHaproxy(input: HaproxyInput): string {
  return [
    ...globalSection(input),
    ...resolversSection(input),
    ...input.frontEnds.flatMap(frontEndSection),
    ...input.backEnds.flatMap(backEndSection),
    "",
  ].join("\n");
}
