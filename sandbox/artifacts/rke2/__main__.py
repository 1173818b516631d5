"""The sandbox's stand-in for RKE2: installed, configured and joined the same way, with Kubernetes' and etcd's real programs under it.

rke2 --version | rke2 server [--cluster-reset --cluster-reset-restore-path=FILE] | rke2 agent | rke2 etcd-snapshot save --name NAME | rke2 etcd-snapshot ls
No containers: nodes have no kubelet, kwok keeps their status; pods of the images that the sandbox has a program for are processes.
Of the packaged components it has the kinds HelmChart, installed by the real helm, and HelmChartConfig, and a stand-in for Traefik.
"""
import argparse
import glob
import json
import os
import pkgutil
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import api
import charts
import control_plane
import etcd
import ingress
import node
import pki
import pods
import supervisor
from settings import API_PORT, DATA, PROGRAMS, SUPERVISOR_PORT, critical, fatal, load, say

VERSION = pkgutil.get_data(__name__, "version").decode().strip()
READY_SECONDS = 300
FOLLOW_SECONDS = 2
children = {}
workloads = None


def launch(name, arguments):
    # It is this program that says when the unit is ready, not etcd.
    environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    children[name] = subprocess.Popen([PROGRAMS + "/" + name, *arguments], env=environment)


def notify(text):
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(text.encode(), "\0" + path[1:] if path[0] == "@" else path)


def until(what, holds):
    end = time.monotonic() + READY_SECONDS
    while not holds():
        for name, child in children.items():
            if child.poll() is not None:
                fatal("%s ended with code %d" % (name, child.returncode))
        if time.monotonic() > end:
            fatal("waited %d s for %s" % (READY_SECONDS, what))
        time.sleep(0.3)


def answers():
    try:
        etcd.members()
        return True
    except OSError:
        return False


def api_ready():
    return node.kubectl("get", "--raw", "/readyz", config=control_plane.ADMINISTRATOR).stdout == b"ok"


def start_etcd(config, registration):
    """A new cluster, one more member of it, or what is on disk already."""
    ip, name = config["node-ip"], etcd.own_name(config["node-name"])
    own = "%s=https://%s:2380" % (name, ip)
    if os.path.isdir(etcd.FOLDER + "/member") or registration is None:
        launch("etcd", etcd.arguments(config, name, own, "new"))
        until("etcd", lambda: answers() or "server" in config and finish_joining(config, name))
    else:
        initial = join_etcd(registration, config, name)
        launch("etcd", etcd.arguments(config, name, initial, "existing"))
        etcd.promote(name, registration)
        until("etcd", answers)


def join_etcd(registration, config, name):
    return registration.ask("/v1-rke2/etcd-join", {"name": name, "peer": "https://%s:2380" % config["node-ip"]})["initial"]


def finish_joining(config, name):
    """A join that was cut off has left a learner, which answers nobody until its vote counts. Others down as well is no error here."""
    try:
        etcd.promote(name, supervisor.Registration(config["server"], config["token"]), seconds=5)
    except SystemExit:
        pass
    return False


def prepare_server(config):
    """Authorities of this server's own, or those of the cluster it joins. Returns how it registers, if it does."""
    if os.path.exists(pki.TLS + "/service.key") and os.path.exists(pki.TLS + "/encryption-config.json"):
        joined = os.path.isdir(etcd.FOLDER + "/member")
        return None if joined or "server" not in config else supervisor.Registration(config["server"], config["token"])
    if "server" in config:
        registration = supervisor.Registration(config["server"], config["token"])
        given = registration.ask("/v1-rke2/server-bootstrap")
        ours = critical(config)
        differing = sorted(key for key in ours if ours[key] != given["critical"].get(key))
        if differing:
            fatal("critical configuration value mismatch between servers: " + ", ".join(differing))
        supervisor.take(given["files"])
        return registration
    pki.make_authorities()
    with open(pki.TLS + "/encryption-config.json", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
        handle.write(control_plane.encryption(config.get("secrets-encryption-provider", "aescbc")))
    return None


def apply_manifests():
    """What lies in the manifests' folder is applied, as by RKE2's deploy controller."""
    done = node.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=pkgutil.get_data(__name__, "kinds.yaml"), config=control_plane.ADMINISTRATOR)
    if done.returncode != 0:
        say(done.stdout.decode(errors="replace"))
    for path in sorted(glob.glob(DATA + "/server/manifests/*.yaml")):
        for _ in range(20):
            done = node.kubectl("apply", "--server-side", "--force-conflicts", "-f", path, config=control_plane.ADMINISTRATOR)
            if done.returncode == 0:
                break
            time.sleep(0.5)
        else:
            say("%s is not applied: %s" % (path, done.stdout.decode(errors="replace")))


def follow_nodes():
    """A server whose node was deleted leaves etcd, and its password is forgotten, as by RKE2's controllers."""
    seen = set()
    while True:
        time.sleep(FOLLOW_SECONDS)
        try:
            now = control_plane.node_names()
            for gone in seen - now:
                supervisor.forget(gone)
                for member in etcd.members():
                    if etcd.node_of(member) == gone:
                        etcd.call("cluster/member/remove", {"ID": member["ID"]})
            seen = now
        except OSError as error:
            say("following nodes: %s" % error)


def run_server(options):
    config = load("server")
    if config.get("profile") == "cis" and subprocess.run(["id", "etcd"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        fatal("missing required: user: unknown user etcd")
    node.link_programs()
    if options.cluster_reset and "server" in config:
        fatal("cannot perform cluster-reset while server URL is set - remove server from configuration before resetting")
    if options.cluster_reset_restore_path:
        restore(config, options.cluster_reset_restore_path)
    registration = prepare_server(config)
    control_plane.certificates(config)
    control_plane.kubeconfigs()
    start_etcd(config, registration)
    launch("kube-apiserver", control_plane.apiserver(config))
    until("the API server", api_ready)
    launch("kube-controller-manager", control_plane.controller_manager(config))
    launch("kube-scheduler", control_plane.scheduler(config))
    password = supervisor.split_token(config["token"])[1]
    with open(DATA + "/server/token", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
        handle.write(supervisor.full_token(password) + "\n")
    supervisor.serve(config, password)
    name = config["node-name"]
    local = supervisor.Registration("https://127.0.0.1:%d" % SUPERVISOR_PORT, config["token"])
    node.configure(local.ask("/v1-rke2/node", {"name": name, "password": node.own_password(), "ip": config["node-ip"]}), "https://127.0.0.1:%d" % API_PORT)
    node.register(config, VERSION)
    launch("kwok", node.kwok_arguments(config))
    apply_manifests()
    reach = run_workloads(config, "https://127.0.0.1:%d" % API_PORT)
    charts.start(reach, config["node-name"], control_plane.ADMINISTRATOR)
    supervisor.Handler.ready = True
    threading.Thread(target=follow_nodes, daemon=True).start()


def run_workloads(config, server):
    """Pods that the sandbox has a program for, and the way in to them."""
    files = node.files()
    reach = api.Api(server, files["authority"], files["ownCertificate"], files["ownKey"])
    global workloads
    workloads = pods.start(reach, config, files)
    ingress.start(reach, config, files)
    return reach


def run_agent():
    config = load("agent")
    if "server" not in config:
        fatal("--server is required")
    node.link_programs()
    registration = supervisor.Registration(config["server"], config["token"])
    given = registration.ask("/v1-rke2/node", {"name": config["node-name"], "password": node.own_password(), "ip": config["node-ip"]})
    node.configure(given, node.server_url(config))
    node.register(config, VERSION)
    launch("kwok", node.kwok_arguments(config))
    run_workloads(config, node.server_url(config))


def restore(config, snapshot):
    """etcd's data from a snapshot, as its only member; the data before stays beside it."""
    if os.path.isdir(etcd.FOLDER):
        shutil.move(etcd.FOLDER, "%s-old-%d" % (etcd.FOLDER, time.time()))
    name, peer = etcd.own_name(config["node-name"]), "https://%s:2380" % config["node-ip"]
    subprocess.run([PROGRAMS + "/etcdutl", "snapshot", "restore", snapshot, "--data-dir", etcd.FOLDER, "--name", name,
                    "--initial-cluster", "%s=%s" % (name, peer), "--initial-advertise-peer-urls", peer], check=True)


def save_snapshot(name):
    folder = DATA + "/server/db/snapshots"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = "%s/%s-%d" % (folder, name, time.time())
    import base64

    context_call = etcd.stream("maintenance/snapshot")
    with open(path, "wb") as handle:
        for line in context_call:
            handle.write(base64.b64decode(json.loads(line)["result"].get("blob", "")))
    say(path)


def keep_running():
    notify("READY=1")
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                fatal("%s ended with code %d" % (name, child.returncode))
        time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(prog="rke2")
    parser.add_argument("--version", action="store_true")
    commands = parser.add_subparsers(dest="command")
    server = commands.add_parser("server")
    server.add_argument("--cluster-reset", action="store_true")
    server.add_argument("--cluster-reset-restore-path", default="")
    server.add_argument("--etcd-s3", default="")
    commands.add_parser("agent")
    snapshots = commands.add_parser("etcd-snapshot")
    snapshots.add_argument("action", choices=["save", "ls"])
    snapshots.add_argument("--name", default="on-demand")
    chosen = parser.parse_args()
    if chosen.version:
        print("rke2 version %s (stand-in)" % VERSION)
        return
    if chosen.command == "etcd-snapshot":
        if chosen.action == "save":
            save_snapshot(chosen.name)
        else:
            for path in sorted(glob.glob(DATA + "/server/db/snapshots/*")):
                say(path)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if chosen.command == "server":
            run_server(chosen)
            if chosen.cluster_reset:
                say("Managed etcd cluster membership has been reset, restart without --cluster-reset flag now")
                return
        elif chosen.command == "agent":
            run_agent()
        else:
            parser.error("server, agent or etcd-snapshot")
        keep_running()
    finally:
        if workloads is not None:
            workloads.end()
        # Last started, first ended: each still has what it stands on.
        for child in reversed(children.values()):
            child.terminate()
            try:
                child.wait(timeout=8)
            except subprocess.TimeoutExpired:
                child.kill()


main()
