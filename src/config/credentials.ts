/** What the platform generates and an operator may want anew: named in the stack file's `rotations`. */
export const ROTATABLE = [
  "registry-deployer",
  "registry-nodes",
  "gogs-admin",
  "gogs-deployer",
  "gogs-argocd",
  "backup-administrator",
  "backup-vault",
  "backup-gogs",
  "backup-etcd",
  "backup-longhorn",
  "rancher-administrator",
  "certificate-rancher",
  "certificate-ingress-apps",
  "certificate-ingress-middleware",
  "certificate-ingress-dmz",
  "certificate-lblan",
  "certificate-lbdmz",
  "certificate-gitops",
  "certificate-vault",
  "certificate-monitoring",
] as const;

export type Rotatable = (typeof ROTATABLE)[number];
