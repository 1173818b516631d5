#!/usr/bin/env python3
"""Brings this machine to the state of a bundle: files written atomically, then steps run, each with a time limit.

Reads the bundle as JSON on stdin: {"name", "files": [{"path", "mode", "content"}], "steps": [{"name", "path",
"timeoutSeconds"}], "lockSeconds"}. Needs root. A second run with the same bundle changes nothing and runs the same steps, which are
harmless to repeat. Files that an earlier bundle of the same name owned and this one does not are removed.
A step reads in $PLATFORM_CHANGED which files changed since the last run that ended well, so nothing half-done is
skipped, and reports by printing "report KEY=VALUE", or, what is secret and must not reach the log, by appending
"KEY=VALUE" to the file $PLATFORM_SECRET_REPORT. Prints one JSON object; on failure the step's last lines, exit 1.
"""
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

STATE = "/var/lib/platform"
LOGS = "/var/log/platform"
LOCK_WAIT_SECONDS = 300
LAST_LINES = 20


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def lock(seconds):
    handle = open("/run/platform-apply.lock", "w")
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() > end:
                fail("another platform-apply has held its lock for %d s: see `pgrep -af platform-apply`" % seconds)
            time.sleep(0.2)


def read_json(path, default):
    try:
        with open(path) as handle:
            return json.load(handle)
    except FileNotFoundError:
        return default


def write(path, content, mode):
    """Writes beside the target, then renames: nobody ever reads half a file."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".platform-")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.chown(temporary, 0, 0)
        os.chmod(temporary, mode)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def differs(path, content, mode):
    try:
        found = os.lstat(path)
        if os.path.islink(path) or found.st_uid != 0 or found.st_gid != 0 or found.st_mode & 0o7777 != mode:
            return True
        with open(path, "rb") as handle:
            return handle.read() != content
    except FileNotFoundError:
        return True


def place(files, owned_before):
    changed = []
    for each in files:
        content, mode = each["content"].encode(), int(each["mode"], 8)
        if differs(each["path"], content, mode):
            write(each["path"], content, mode)
            changed.append(each["path"])
    kept = {each["path"] for each in files}
    for path in owned_before:
        if path not in kept and os.path.lexists(path):
            os.unlink(path)
            changed.append(path)
    return changed


def run(step, log, environment):
    """Runs one step in a process group of its own, so that nothing it started outlives its time limit."""
    log.write("== %s %s\n" % (time.strftime("%FT%TZ", time.gmtime()), step["name"]))
    log.flush()
    start = log.tell()
    process = subprocess.Popen(
        [step["path"]], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
    )
    try:
        code = process.wait(timeout=step["timeoutSeconds"])
        outcome = "ended with code %d" % code
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        code, outcome = 1, "was ended after its %d s" % step["timeoutSeconds"]
    log.flush()
    log.seek(start)
    printed = log.read().splitlines()
    if code != 0:
        last = "\n".join("  " + line for line in printed[-LAST_LINES:] if not line.startswith("report "))
        fail("step %s %s; its last lines (all of them are in %s on this machine):\n%s" % (step["name"], outcome, LOGS, last))
    return dict(line[len("report "):].split("=", 1) for line in printed if line.startswith("report ") and "=" in line)


def main():
    bundle = json.load(sys.stdin)
    # Folders that steps and files need are for everybody to enter; what is secret says so by its own mode.
    os.umask(0o022)
    for folder in (STATE, LOGS):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    held = lock(bundle.get("lockSeconds", LOCK_WAIT_SECONDS))
    manifest, pending = ("%s/%s.%s.json" % (STATE, bundle["name"], kind) for kind in ("files", "pending"))
    paths = [each["path"] for each in bundle["files"]]
    owned = read_json(manifest, [])
    # Owned before it is written: a run cut off here still knows what to remove later.
    write(manifest, json.dumps(sorted(set(owned) | set(paths))).encode(), 0o600)
    waiting = read_json(pending, [])
    new = place(bundle["files"], owned)
    changed = waiting + [path for path in new if path not in waiting]
    write(pending, json.dumps(changed).encode(), 0o600)
    secret_report = "/run/platform-report.%d" % os.getpid()
    os.close(os.open(secret_report, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "PLATFORM_BUNDLE": bundle["name"],
        "PLATFORM_CHANGED": "\n".join(changed),
        "PLATFORM_SECRET_REPORT": secret_report,
    }
    report = {}
    descriptor = os.open("%s/%s.log" % (LOGS, bundle["name"]), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        with os.fdopen(descriptor, "a+") as log:
            log.seek(0, os.SEEK_END)
            for step in bundle["steps"]:
                report.update(run(step, log, environment))
        with open(secret_report) as lines:
            report.update(line.rstrip("\n").split("=", 1) for line in lines)
    finally:
        os.unlink(secret_report)
    write(manifest, json.dumps(paths).encode(), 0o600)
    write(pending, b"[]", 0o600)
    held.close()
    print(json.dumps({"bundle": bundle["name"], "changed": changed, "report": report}, sort_keys=True))


main()
