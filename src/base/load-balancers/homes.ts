import type { ServiceLabel } from "../../network/dns";

/** What is behind LBLAN: where each service lives, and who of outside the LAN may ask for it. */

/** Where a service lives behind LBLAN. */
export type Home = "apps" | "middleware" | "dmz" | "gogs" | "registry" | "vault" | "coroot" | "backup-console";

/** Behind LBLAN, by service name. TypeScript refuses a name without a place. */
export const HOMES: Readonly<Record<ServiceLabel, Home | undefined>> = {
  keycloak: "middleware",
  "minio-api": "middleware",
  "minio-ui": "middleware",
  akhq: "middleware",
  n8n: "middleware",
  flowable: "middleware",
  rancher: "middleware",
  "argocd-mw": "middleware",
  "neuvector-mw": "middleware",
  "longhorn-mw": "middleware",
  registry: "registry",
  gogs: "gogs",
  vault: "vault",
  coroot: "coroot",
  "minio-backup": "backup-console",
  "argocd-dmz": "dmz",
  "gravitee-dmz": "dmz",
  "neuvector-dmz": "dmz",
  apim: "apps",
  "argocd-apps": "apps",
  "neuvector-apps": "apps",
  "longhorn-apps": "apps",
  gco: "apps",
  "ael-client-ui-interne": "apps",
  "ael-back-ui": "apps",
  // Reached through LBDMZ, which takes its pages from here.
  "ael-client-ui": "apps",
  // Ends at the DMZ's own ingress.
  api: undefined,
  // Not HTTP: ports of their own.
  "kafka-mobile": undefined,
};

/** Applications that live below a path. */
export const HOME_PATHS: Partial<Record<ServiceLabel, string>> = { gco: "/GCOWEB/", "minio-backup": "/ui/" };

/** What machines of the DMZ may ask LBLAN for: their back ends, secrets, Git, images, Rancher and who people are. */
export const FOR_DMZ: readonly ServiceLabel[] = [
  "ael-client-ui",
  "ael-client-ui-interne",
  "ael-back-ui",
  "apim",
  "flowable",
  "gco",
  "gogs",
  "keycloak",
  "rancher",
  "registry",
  "vault",
];

/** Where people log in to Rancher and look at it: nothing that an agent of the DMZ's cluster needs. */
export const RANCHER_FOR_PEOPLE: readonly string[] = ["/dashboard", "/v1-public", "/v3-public"];
