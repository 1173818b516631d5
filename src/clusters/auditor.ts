/** Where people's accounts in a cluster live. */
export const ACCESS_NAMESPACE = "platform-access";

/** Who reads all but secrets. */
export const AUDITOR = "platform-auditor";

/** What an auditor sees beyond the built-in role `view`, which shows no Secret: the cluster's own objects and who may do what. */
export const AUDITED: readonly { readonly apiGroups: string[]; readonly resources: string[] }[] = [
  { apiGroups: [""], resources: ["namespaces", "nodes", "persistentvolumes"] },
  { apiGroups: ["admissionregistration.k8s.io"], resources: ["*"] },
  { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"] },
  { apiGroups: ["apiregistration.k8s.io"], resources: ["apiservices"] },
  { apiGroups: ["certificates.k8s.io"], resources: ["certificatesigningrequests"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingressclasses"] },
  { apiGroups: ["rbac.authorization.k8s.io"], resources: ["*"] },
  { apiGroups: ["scheduling.k8s.io"], resources: ["priorityclasses"] },
  { apiGroups: ["storage.k8s.io"], resources: ["*"] },
];
