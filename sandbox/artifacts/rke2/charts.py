"""In place of RKE2's Helm controller: the kind HelmChart, installed and upgraded by the real helm, on one of the servers."""
import base64
import os
import subprocess
import tempfile
import threading
import time

from api import Refused
from settings import PROGRAMS, say

SECONDS = 900
LOOK_SECONDS = 2


def condition(kind, status, message=""):
    return {"type": kind, "status": "True" if status else "False", "message": message[-2000:]}


class Charts:
    def __init__(self, api, node, kubeconfig):
        self.api, self.node, self.kubeconfig, self.done = api, node, kubeconfig, {}

    def path(self, chart):
        meta = chart["metadata"]
        return "/apis/helm.cattle.io/v1/namespaces/%s/helmcharts/%s" % (meta["namespace"], meta["name"])

    def follow(self):
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                if self.leads():
                    self.look()
            except (OSError, Refused) as error:
                say("charts: %s" % error)

    def leads(self):
        """One server at a time, whichever runs the scheduler now."""
        lease = self.api.find("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler")
        return lease is not None and (lease["spec"].get("holderIdentity") or "").split("_")[0] == self.node

    def look(self):
        found = {each["metadata"]["name"]: each for each in self.api.call("GET", "/apis/helm.cattle.io/v1/helmcharts")["items"]}
        for name, chart in found.items():
            if self.done.get(name, (None,))[0] != chart["spec"] and self.install(chart):
                self.done[name] = (chart["spec"], chart)
        for name in set(self.done) - set(found):
            self.helm("uninstall", self.done.pop(name)[1], [name, "--ignore-not-found"], {})

    def install(self, chart):
        spec, files = chart["spec"], {"values.yaml": chart["spec"].get("valuesContent", "")}
        arguments = [chart["metadata"]["name"], spec["chart"], "--install", "--version", spec["version"], "--values", "values.yaml"]
        try:
            if "repo" in spec:
                arguments += ["--repo", spec["repo"]]
            if "repoCA" in spec:
                files["ca.pem"] = spec["repoCA"]
                arguments += ["--ca-file", "ca.pem"]
            if "dockerRegistrySecret" in spec:
                name = spec["dockerRegistrySecret"]["name"]
                secret = self.api.call("GET", "/api/v1/namespaces/%s/secrets/%s" % (chart["metadata"]["namespace"], name))
                files["registry.json"] = base64.b64decode(secret["data"][".dockerconfigjson"]).decode()
                arguments += ["--registry-config", "registry.json"]
            if spec.get("createNamespace"):
                arguments.append("--create-namespace")
            self.clear_interrupted(chart)
            well, printed = self.helm("upgrade", chart, arguments, files)
        except (OSError, Refused, KeyError) as error:
            well, printed = False, "%s: %s" % (type(error).__name__, error)
        say("chart %s: %s" % (chart["metadata"]["name"], "installed" if well else printed))
        status = {"jobName": "helm-install-" + chart["metadata"]["name"],
                  "conditions": [condition("JobCreated", True), condition("Failed", not well, "" if well else printed)]}
        self.api.call("PATCH", self.path(chart), {"status": status}, "application/merge-patch+json")
        return well

    def clear_interrupted(self, chart):
        """What was cut off half-way is begun anew."""
        target = chart["spec"].get("targetNamespace", chart["metadata"]["namespace"])
        selector = "labelSelector=owner%%3Dhelm%%2Cname%%3D%s" % chart["metadata"]["name"]
        for secret in self.api.call("GET", "/api/v1/namespaces/%s/secrets?%s" % (target, selector))["items"]:
            if secret["metadata"]["labels"]["status"].startswith("pending-"):
                self.api.call("DELETE", "/api/v1/namespaces/%s/secrets/%s" % (target, secret["metadata"]["name"]))

    def helm(self, command, chart, arguments, files):
        """(whether it went well, what it printed)"""
        target = chart["spec"].get("targetNamespace", chart["metadata"]["namespace"])
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                with open(os.path.join(folder, name), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
                    handle.write(text)
            try:
                done = subprocess.run(
                    [PROGRAMS + "/helm", command, *arguments, "--namespace", target, "--kubeconfig", self.kubeconfig, "--timeout", "10m"],
                    cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, env={**os.environ, "HOME": folder},
                )
            except subprocess.TimeoutExpired:
                return False, "helm %s did not end within %d s" % (command, SECONDS)
        return done.returncode == 0, done.stdout.decode(errors="replace").strip()


def start(api, node, kubeconfig):
    threading.Thread(target=Charts(api, node, kubeconfig).follow, daemon=True).start()
