"""The control plane's real programs with RKE2's settings: certificates, arguments, kubeconfigs."""
import base64
import ipaddress
import json
import os
import ssl
import urllib.request

import pki
from settings import API_PORT, DATA

CREDENTIALS = DATA + "/server/cred"
ADMINISTRATOR = "/etc/rancher/rke2/rke2.yaml"


def first_service_address(config):
    return str(next(ipaddress.ip_network(config.get("service-cidr", "10.43.0.0/16")).hosts()))


def certificates(config):
    ip, name = config["node-ip"], config["node-name"]
    given = config.get("tls-san", [])
    addresses = sorted({ip, "127.0.0.1", first_service_address(config), *[each for each in given if each.replace(".", "").isdigit()]})
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", name,
             *[each for each in given if not each.replace(".", "").isdigit()]]
    pki.sign("serving-kube-apiserver", "server-ca", "/CN=kube-apiserver", ["serverAuth"], addresses, names)
    pki.sign("serving-supervisor", "server-ca", "/CN=rke2", ["serverAuth"], addresses, names)
    pki.sign("etcd/server", "etcd/server-ca", "/CN=etcd-server", ["serverAuth", "clientAuth"], [ip, "127.0.0.1"], ["localhost", name])
    pki.sign("etcd/peer", "etcd/peer-ca", "/CN=etcd-peer", ["serverAuth", "clientAuth"], [ip, "127.0.0.1"], ["localhost", name])
    pki.sign("etcd/client", "etcd/server-ca", "/CN=etcd-client", ["clientAuth"])
    pki.sign("proxy", "request-header-ca", "/CN=system:auth-proxy", ["clientAuth"])
    pki.client("admin", "/O=system:masters/CN=system:admin")
    pki.client("controller", "/CN=system:kube-controller-manager")
    pki.client("scheduler", "/CN=system:kube-scheduler")
    pki.client("kubelet-client", "/O=system:masters/CN=system:apiserver")


def kubeconfigs():
    local = "https://127.0.0.1:%d" % API_PORT
    authority = pki.read("server-ca.crt")
    for path, name in ((ADMINISTRATOR, "admin"), (CREDENTIALS + "/controller.kubeconfig", "controller"), (CREDENTIALS + "/scheduler.kubeconfig", "scheduler")):
        pki.kubeconfig(path, local, authority, pki.read(name + ".crt"), pki.read(name + ".key"))


def apiserver(config):
    tls = pki.TLS
    own = [
        "--advertise-address=" + config["node-ip"], "--secure-port=%d" % API_PORT, "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction", "--client-ca-file=" + tls + "/client-ca.crt",
        "--tls-cert-file=" + tls + "/serving-kube-apiserver.crt", "--tls-private-key-file=" + tls + "/serving-kube-apiserver.key",
        "--etcd-servers=https://127.0.0.1:2379", "--etcd-cafile=" + tls + "/etcd/server-ca.crt",
        "--etcd-certfile=" + tls + "/etcd/client.crt", "--etcd-keyfile=" + tls + "/etcd/client.key",
        "--service-cluster-ip-range=" + config.get("service-cidr", "10.43.0.0/16"), "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-account-key-file=" + tls + "/service.key", "--service-account-signing-key-file=" + tls + "/service.key",
        "--kubelet-client-certificate=" + tls + "/kubelet-client.crt", "--kubelet-client-key=" + tls + "/kubelet-client.key",
        "--requestheader-client-ca-file=" + tls + "/request-header-ca.crt", "--requestheader-allowed-names=system:auth-proxy",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User", "--proxy-client-cert-file=" + tls + "/proxy.crt", "--proxy-client-key-file=" + tls + "/proxy.key",
        "--encryption-provider-config=" + tls + "/encryption-config.json", "--anonymous-auth=false", "--profiling=false", "--allow-privileged",
        "--endpoint-reconciler-type=lease", "--v=1",
    ]
    if config.get("audit-policy-file"):
        own.append("--audit-policy-file=" + config["audit-policy-file"])
    if config.get("pod-security-admission-config-file"):
        own.append("--admission-control-config-file=" + config["pod-security-admission-config-file"])
    return own + ["--" + each for each in config.get("kube-apiserver-arg", [])]


def controller_manager(config):
    tls, kube = pki.TLS, CREDENTIALS + "/controller.kubeconfig"
    return [
        "--kubeconfig=" + kube, "--authentication-kubeconfig=" + kube, "--authorization-kubeconfig=" + kube, "--use-service-account-credentials",
        "--service-account-private-key-file=" + tls + "/service.key", "--root-ca-file=" + tls + "/server-ca.crt", "--bind-address=127.0.0.1",
        "--cluster-cidr=" + config.get("cluster-cidr", "10.42.0.0/16"), "--allocate-node-cidrs", "--cluster-signing-cert-file=" + tls + "/client-ca.crt",
        "--cluster-signing-key-file=" + tls + "/client-ca.key", "--requestheader-client-ca-file=" + tls + "/request-header-ca.crt", "--profiling=false",
        "--leader-elect-lease-duration=30s", "--leader-elect-renew-deadline=20s", "--node-monitor-grace-period=40s",
    ] + ["--" + each for each in config.get("kube-controller-manager-arg", [])]


def scheduler(config):
    kube = CREDENTIALS + "/scheduler.kubeconfig"
    return [
        "--kubeconfig=" + kube, "--authentication-kubeconfig=" + kube, "--authorization-kubeconfig=" + kube, "--bind-address=127.0.0.1",
        "--profiling=false", "--leader-elect-lease-duration=30s", "--leader-elect-renew-deadline=20s",
    ] + ["--" + each for each in config.get("kube-scheduler-arg", [])]


def node_names():
    """Asked of this server's own API, by HTTP: nine programs started every other second would be felt."""
    context = ssl.create_default_context(cafile=pki.TLS + "/server-ca.crt")
    context.load_cert_chain(pki.TLS + "/admin.crt", pki.TLS + "/admin.key")
    with urllib.request.urlopen("https://127.0.0.1:%d/api/v1/nodes?resourceVersion=0" % API_PORT, timeout=15, context=context) as answer:
        return {each["metadata"]["name"] for each in json.load(answer)["items"]}


def encryption(provider):
    """Made by the first server, the same on all of them."""
    key = {"name": "key1", "secret": base64.b64encode(os.urandom(32)).decode()}
    return json.dumps({
        "kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1",
        "resources": [{"resources": ["secrets"], "providers": [{provider: {"keys": [key]}}, {"identity": {}}]}],
    })
