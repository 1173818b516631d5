"""The cluster's authorities and certificates, made with openssl as RKE2 makes its own."""
import os
import subprocess
import tempfile

from settings import DATA

TLS = DATA + "/server/tls"
AUTHORITIES = ["server-ca", "client-ca", "request-header-ca", "etcd/server-ca", "etcd/peer-ca"]
DAYS_AUTHORITY = 3650
DAYS = 365


def openssl(*arguments, text=None):
    subprocess.run(["openssl", *arguments], input=text, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def private_key(path):
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    os.chmod(path, 0o600)


def make_authorities():
    for name in AUTHORITIES:
        base = "%s/%s" % (TLS, name)
        private_key(base + ".key")
        openssl("req", "-x509", "-new", "-key", base + ".key", "-out", base + ".crt", "-days", str(DAYS_AUTHORITY),
                "-subj", "/CN=rke2-%s" % name.replace("/", "-"), "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", TLS + "/service.key")


def shared():
    """Files that every server of the cluster has the same, by path below its tls folder."""
    return [each + kind for each in AUTHORITIES for kind in (".crt", ".key")] + ["service.key", "encryption-config.json"]


def sign(name, authority, subject, uses, addresses=(), names=()):
    """TLS/<name>.{crt,key} by the authority."""
    base = "%s/%s" % (TLS, name)
    private_key(base + ".key")
    alternatives = ["IP:%s" % each for each in addresses] + ["DNS:%s" % each for each in names]
    extensions = "keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n" % ",".join(uses)
    if alternatives:
        extensions += "subjectAltName=%s\n" % ",".join(alternatives)
    with tempfile.NamedTemporaryFile("w", suffix=".ext") as handle, tempfile.NamedTemporaryFile(suffix=".csr") as request:
        handle.write(extensions)
        handle.flush()
        openssl("req", "-new", "-key", base + ".key", "-subj", subject, "-out", request.name)
        ca = "%s/%s" % (TLS, authority)
        openssl("x509", "-req", "-in", request.name, "-CA", ca + ".crt", "-CAkey", ca + ".key", "-set_serial", "0x" + os.urandom(8).hex(),
                "-days", str(DAYS), "-extfile", handle.name, "-out", base + ".crt")


def client(name, subject):
    sign(name, "client-ca", subject, ["clientAuth"])


def read(name):
    with open("%s/%s" % (TLS, name)) as handle:
        return handle.read()


def kubeconfig(path, server, authority, certificate, key):
    import base64

    def inline(text):
        return base64.b64encode(text.encode()).decode()

    text = (
        "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    server: %s\n    certificate-authority-data: %s\n"
        "contexts:\n- name: default\n  context: {cluster: default, user: default}\ncurrent-context: default\nusers:\n- name: default\n  user:\n"
        "    client-certificate-data: %s\n    client-key-data: %s\n"
    ) % (server, inline(authority), inline(certificate), inline(key))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    os.rename(path + ".new", path)
