#!/usr/bin/env python3
"""Runs on a machine of the sandbox, for tests: opens ports, knocks at ports, asks again and again. One JSON object on stdin, one on stdout."""
import json
import os
import resource
import selectors
import socket
import ssl
import sys
import threading
import time

TRIES = 2


def listen(ports):
    """Answers on every port that nothing else listens on, TCP and UDP, until it is ended."""
    taken = []
    selector = selectors.DefaultSelector()
    for port in ports["tcp"]:
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("0.0.0.0", port))
            server.listen(512)
        except OSError:
            taken.append(port)
            continue
        selector.register(server, selectors.EVENT_READ, "tcp")
    for port in ports["udp"]:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            server.bind(("0.0.0.0", port))
        except OSError:
            taken.append(port)
            continue
        selector.register(server, selectors.EVENT_READ, "udp")
    print(json.dumps({"taken": taken}), flush=True)
    while True:
        for key, _ in selector.select():
            if key.data == "tcp":
                key.fileobj.accept()[0].close()
            else:
                _, sender = key.fileobj.recvfrom(64)
                key.fileobj.sendto(b"here", sender)


def knock(targets, wait, source=None):
    """As knock_once, a few hundred at a time: each takes a file descriptor."""
    return [answer for start in range(0, len(targets), 400) for answer in knock_once(targets[start : start + 400], wait, source)]


def knock_once(targets, wait, source):
    """Which of [protocol, address, port] answer: a connection, or an echo."""
    found = {}
    pending = {}
    selector = selectors.DefaultSelector()
    for index, (protocol, address, port, *_) in enumerate(targets):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
        client.setblocking(False)
        if source:
            client.bind((source, 0))
        code = client.connect_ex((address, port))
        if protocol == "udp":
            try:
                client.send(b"anyone?")
            except OSError:
                pass
        elif code == 0:
            found[index] = "open"
        selector.register(client, selectors.EVENT_READ if protocol == "udp" else selectors.EVENT_WRITE, index)
        pending[index] = client
    end = time.monotonic() + wait
    while pending and time.monotonic() < end:
        for key, _ in selector.select(0.2):
            index, client = key.data, key.fileobj
            if targets[index][0] == "tcp":
                code = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                found[index] = "open" if code == 0 else "refused"
            else:
                try:
                    found[index] = "open" if client.recv(64) == b"here" else "odd"
                except OSError:
                    found[index] = "refused"
            selector.unregister(client)
            client.close()
            del pending[index]
    for client in pending.values():
        selector.unregister(client)
        client.close()
    return [found.get(index, "silent") for index in range(len(targets))]


def ask(target, results, index):
    begin = time.time()
    try:
        source = (target["source"], 0) if target.get("source") else None
        with socket.create_connection((target["address"], target["port"]), timeout=1, source_address=source) as plain:
            if target.get("host"):
                context = ssl.create_default_context(cafile=target.get("trust"))
                with context.wrap_socket(plain, server_hostname=target["host"]) as secure:
                    secure.sendall(("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % target["host"]).encode())
                    good = secure.recv(12).startswith(b"HTTP/1.1 ")
            else:
                good = True
    except OSError:
        good = False
    results[index] = (begin, good)


def stream(target, seconds, rate, until, begun):
    """`rate` new connections a second, each with one second to answer, for so long or until a file is there; says when it is under way."""
    results = {}
    threads = []
    start = time.time()
    index = -1
    while index + 1 < seconds * rate and not (until and os.path.exists(until)):
        index += 1
        if begun and index == rate // 2:
            open(begun, "w").close()
        pause = start + index / rate - time.time()
        if pause > 0:
            time.sleep(pause)
        thread = threading.Thread(target=ask, args=(target, results, index))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join(5)
    failed = sorted(round(begin - start, 3) for begin, good in results.values() if not good)
    return {"asked": len(results), "failed": failed}


wanted = json.loads(sys.stdin.readline())
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
if wanted["do"] == "listen":
    listen(wanted["ports"])
elif wanted["do"] == "knock":
    # What stays silent is asked once more: a packet may be lost, a rule does not come and go.
    answers = knock(wanted["targets"], wanted["wait"], wanted.get("source"))
    for _ in range(TRIES - 1):
        silent = [i for i, each in enumerate(answers) if each == "silent" and wanted["targets"][i][3]]
        for i, each in zip(silent, knock([wanted["targets"][i][:3] for i in silent], wanted["wait"] * 2, wanted.get("source"))):
            answers[i] = each
    print(json.dumps(answers))
else:
    print(json.dumps(stream(wanted["target"], wanted["seconds"], wanted["rate"], wanted.get("until"), wanted.get("begun"))))
