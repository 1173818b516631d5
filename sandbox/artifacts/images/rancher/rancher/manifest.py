"""What an imported cluster applies."""
import json
import re

from store import RBAC, VERSION, digest, encoded

MANIFEST = """
{kind: ClusterRole, apiVersion: RBAC/v1, metadata: {name: proxy-clusterrole-kubeapiserver}, rules: [{apiGroups: [""],
  resources: [nodes/metrics, nodes/proxy, nodes/stats, nodes/log, nodes/spec], verbs: [get, list, watch, create]}]}
{kind: ClusterRoleBinding, apiVersion: RBAC/v1, metadata: {name: proxy-role-binding-kubernetes-master}, subjects: [{kind: User,
  name: kube-apiserver, apiGroup: RBAC}], roleRef: {kind: ClusterRole, name: proxy-clusterrole-kubeapiserver, apiGroup: RBAC}}
{kind: Namespace, apiVersion: v1, metadata: {name: cattle-system}}
{kind: ServiceAccount, apiVersion: v1, metadata: {name: cattle, namespace: cattle-system}}
{kind: ClusterRoleBinding, apiVersion: RBAC/v1, metadata: {name: cattle-admin-binding}, subjects: [{kind: ServiceAccount, name: cattle,
  namespace: cattle-system}], roleRef: {kind: ClusterRole, name: cattle-admin, apiGroup: RBAC}}
{kind: Secret, apiVersion: v1, metadata: {name: CREDENTIALS, namespace: cattle-system}, type: Opaque, data: DATA}
{kind: ClusterRole, apiVersion: RBAC/v1, metadata: {name: cattle-admin}, rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]},
  {nonResourceURLs: ["*"], verbs: ["*"]}]}
{kind: Deployment, apiVersion: apps/v1, metadata: {name: cattle-cluster-agent, namespace: cattle-system}, spec: {
  selector: {matchLabels: {app: cattle-cluster-agent}}, template: {metadata: {labels: {app: cattle-cluster-agent}}, spec: {
  serviceAccountName: cattle, tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}],
  containers: [{name: cluster-register, image: IMAGE, env: ENV, readinessProbe: {initialDelaySeconds: 2, periodSeconds: 5,
  httpGet: {path: /health, port: 8080}}, volumeMounts: [{name: cattle-credentials, mountPath: /cattle-credentials, readOnly: true}]}],
  volumes: [{name: cattle-credentials, secret: {secretName: CREDENTIALS, defaultMode: 320}}]}}}}
{kind: Service, apiVersion: v1, metadata: {name: cattle-cluster-agent, namespace: cattle-system}, spec: {selector: {
  app: cattle-cluster-agent}, ports: [{name: http, port: 80, targetPort: 80}, {name: https-internal, port: 443, targetPort: 444}]}}"""


def manifest(server, token, values, extra):
    """What an imported cluster applies."""
    registry, credentials = values["system-default-registry"], "cattle-credentials-" + digest("%s.%s." % (server, token))[:10]
    given = {
        "CATTLE_SERVER": server, "CATTLE_CA_CHECKSUM": digest(values["cacerts"] + "\n") if values["cacerts"] else "",
        "CATTLE_CLUSTER": "true", "CATTLE_K8S_MANAGED": "true", "CATTLE_SYSTEM_DEFAULT_REGISTRY": registry,
        "CATTLE_CREDENTIAL_NAME": credentials, "CATTLE_SUC_APP_NAME_OVERRIDE": "", "CATTLE_SERVER_VERSION": VERSION,
        "CATTLE_INSTALL_UUID": values["install-uuid"], "CATTLE_INGRESS_IP_DOMAIN": values["ingress-ip-domain"],
        "STRICT_VERIFY": "true" if values["agent-tls-mode"] == "strict" else "false",
    }
    extra_names = {each["name"] for each in extra}
    words = {
        "RBAC": RBAC, "CREDENTIALS": credentials, "DATA": json.dumps({"url": encoded(server), "token": encoded(token), "namespace": ""}),
        "IMAGE": json.dumps("%srancher/rancher-agent:%s" % (registry + "/" if registry else "", VERSION)),
        "ENV": json.dumps([{"name": name, "value": value} for name, value in given.items() if name not in extra_names] + extra),
    }
    return re.sub(r"\b(%s)\b" % "|".join(words), lambda word: words[word[0]], MANIFEST).replace("\n{kind", "\n---\n{kind").lstrip() + "\n"
