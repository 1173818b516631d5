#!/usr/bin/env python3
"""Makes Gogs' accounts and the platform's repository what /etc/platform/gogs/accounts.json says, and only that.

Every password arrives in that file and leaves in request bodies and headers to the loopback address. Gogs' own command
takes a first password only as an argument, so the administrator's account starts with one that nobody keeps and is
given the real one at once, through the API.
"""
import base64
import json
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request

API = "http://127.0.0.1:3000/api/v1"
# What the administrator's password is now: needed once, when it is to change.
CURRENT = "/var/lib/platform/gogs-administrator"


def call(method, path, account, body=None, token=None):
    """The status and the answer, whatever the status is."""
    request = urllib.request.Request(API + path, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", "token " + token)
    else:
        pair = "%s:%s" % (account["name"], account["password"])
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text.strip() else None
    except urllib.error.HTTPError as error:
        return error.code, None


def refuse(what, status):
    sys.exit("Gogs answered %d when asked to %s: see `journalctl -u platform-gogs`" % (status, what))


def lets_in(account):
    return call("GET", "/users/%s/tokens" % account["name"], account)[0] == 200


def mail(account, wanted):
    return "%s@%s" % (account["name"], wanted["mailDomain"])


def remember(password):
    descriptor = os.open(CURRENT + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(password)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(CURRENT + ".new", CURRENT)


def set_password(acting, account, wanted):
    body = {"email": mail(account, wanted), "password": account["password"], "active": True, "admin": acting["name"] == account["name"]}
    if account["name"] == wanted["reader"]["name"]:
        # Who may make a repository may put hooks and settings of their own in it.
        body["max_repo_creation"] = 0
    status, _ = call("PATCH", "/admin/users/" + account["name"], acting, body)
    return status


def administrator(account, wanted):
    if lets_in(account):
        remember(account["password"])
        return
    if os.path.exists(CURRENT):
        with open(CURRENT) as handle:
            acting = dict(account, password=handle.read())
    else:
        acting = dict(account, password=secrets.token_urlsafe(24))
        # Known before it is used: a run cut off in between goes on from here.
        remember(acting["password"])
        made = subprocess.run(
            ["runuser", "-u", "gogs", "--", "env", "HOME=/srv/gogs/home", "USER=gogs", "GOGS_WORK_DIR=/srv/gogs", "GOGS_CUSTOM=/srv/gogs/custom",
             "/opt/platform/gogs/program", "admin", "create-user", "--config", "/etc/gogs/app.ini", "--admin",
             "--name", acting["name"], "--password", acting["password"], "--email", mail(account, wanted)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )
        if made.returncode != 0:
            os.unlink(CURRENT)
            sys.exit("gogs admin create-user failed: " + made.stdout.decode(errors="replace").strip()[-500:])
    status = set_password(acting, account, wanted)
    if status != 200:
        sys.exit(
            "Gogs does not take the administrator's password that it had (%s, status %d): set the one that Vault holds at "
            "platform/gogs/%s by hand, then run again" % (CURRENT, status, account["name"])
        )
    remember(account["password"])


def member(acting, account, wanted):
    status = set_password(acting, account, wanted)
    if status == 404:
        status, _ = call("POST", "/admin/users", acting, {
            "username": account["name"], "email": mail(account, wanted), "password": account["password"], "full_name": account["name"],
        })
        if status == 201:
            status = set_password(acting, account, wanted)
    if status not in (200, 201) or not lets_in(account):
        refuse("make the account %s" % account["name"], status)


def repository(acting, wanted):
    writer, reader = wanted["writer"], wanted["reader"]
    path = "/repos/%s/%s" % (writer["name"], wanted["repository"])
    status, found = call("GET", path, writer)
    if status == 404:
        status, found = call("POST", "/admin/users/%s/repos" % writer["name"], acting, {"name": wanted["repository"], "private": True})
        if status != 201:
            refuse("make the repository %s" % wanted["repository"], status)
    elif status != 200:
        refuse("show the repository %s" % wanted["repository"], status)
    if not found.get("private"):
        sys.exit("the repository %s/%s is not private: make it so in its settings" % (writer["name"], wanted["repository"]))
    status, seen = call("GET", path, reader)
    if status == 200 and seen.get("permissions", {}).get("push") is False:
        return
    # This one call wants a token. It is used here and kept nowhere.
    status, token = call("POST", "/users/%s/tokens" % writer["name"], writer, {"name": "collaborators-" + secrets.token_hex(4)})
    if status != 201:
        refuse("give a token for the repository's settings", status)
    status, _ = call("PUT", "%s/collaborators/%s" % (path, reader["name"]), writer, {"permission": "read"}, token["sha1"])
    status_seen, seen = call("GET", path, reader)
    if status != 204 or status_seen != 200 or seen.get("permissions", {}).get("push") is not False:
        refuse("let %s read, and only read, the repository" % reader["name"], status)


with open("/etc/platform/gogs/accounts.json") as handle:
    wanted = json.load(handle)
administrator(wanted["administrator"], wanted)
for each in (wanted["writer"], wanted["reader"]):
    member(wanted["administrator"], each, wanted)
repository(wanted["administrator"], wanted)
print("report repository=%s/%s" % (wanted["writer"]["name"], wanted["repository"]))
