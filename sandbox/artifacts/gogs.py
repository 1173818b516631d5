#!/usr/bin/env python3
"""A stand-in for Gogs in the sandbox, where the real one cannot be had. It says so in its version and on every page.

It speaks what the platform uses, as Gogs 0.14 does: `web`, `admin create-user`, `admin resync-hooks`; /healthcheck; Git
over HTTP; tokens, users, repositories and collaborators of /api/v1. It reads app.ini and refuses keys Gogs does not have.
"""
import argparse
import base64
import configparser
import hashlib
import http.server
import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import urllib.parse

VERSION = "0.14.3-stand-in (the sandbox's stand-in, not Gogs)"
KEYS = {
    "DEFAULT": {"brand_name", "run_user", "run_mode"},
    "server": {"domain", "external_url", "protocol", "http_addr", "http_port", "local_root_url", "disable_ssh", "start_ssh_server",
               "offline_mode", "disable_router_log", "app_data_path", "landing_url"},
    "repository": {"root", "force_private", "default_branch", "enable_local_path_migration", "enable_raw_file_render_mode"},
    "repository.upload": {"enabled"},
    "database": {"type", "path"},
    "security": {"install_lock", "secret_key", "cookie_secure", "login_remember_days", "local_network_allowlist"},
    "auth": {"require_signin_view", "disable_registration", "enable_registration_captcha"},
    "user": {"enable_email_notification"},
    "session": {"provider", "cookie_secure"},
    "attachment": {"enabled"},
    "picture": {"disable_gravatar"},
    "webhook": {"skip_tls_verify"},
    "log": {"root_path", "mode", "level"},
    "log.console": {"level"},
    "prometheus": {"enabled"},
}
TABLES = """
CREATE TABLE IF NOT EXISTS user (name TEXT PRIMARY KEY, email TEXT, admin INTEGER, salt TEXT, password TEXT, repositories INTEGER DEFAULT -1);
CREATE TABLE IF NOT EXISTS token (owner TEXT, name TEXT, digest TEXT);
CREATE TABLE IF NOT EXISTS repository (owner TEXT, name TEXT, private INTEGER, PRIMARY KEY (owner, name));
CREATE TABLE IF NOT EXISTS access (owner TEXT, name TEXT, user TEXT, mode TEXT, PRIMARY KEY (owner, name, user));
"""


def settings(path):
    parser = configparser.RawConfigParser(strict=True)
    with open(path) as handle:
        parser.read_string("[DEFAULT]\n" + handle.read())
    for section in parser.sections():
        unknown = set(parser._sections[section]) - KEYS.get(section, set())  # noqa: SLF001: defaults must not count here
        if section not in KEYS or unknown:
            sys.exit("%s: Gogs has no %s" % (path, ", ".join(sorted(unknown)) or "section [%s]" % section))
    if set(parser.defaults()) - KEYS["DEFAULT"]:
        sys.exit("%s: Gogs has no top-level %s" % (path, ", ".join(sorted(set(parser.defaults()) - KEYS["DEFAULT"]))))
    if parser.defaults().get("run_user") != os.environ.get("USER"):
        sys.exit("expected user '%s' but current user is: %s" % (parser.defaults().get("run_user"), os.environ.get("USER")))
    return parser


class Store:
    def __init__(self, config):
        self.root = config.get("repository", "root")
        self.branch = config.get("repository", "default_branch")
        self.path = config.get("database", "path")

    def run(self, statement, *values):
        with sqlite3.connect(self.path, timeout=30) as connection:
            return connection.execute(statement, values).fetchall()

    def prepare(self):
        with sqlite3.connect(self.path, timeout=30) as connection:
            connection.executescript(TABLES)

    def set_password(self, name, password):
        salt = secrets.token_hex(16)
        self.run("UPDATE user SET salt = ?, password = ? WHERE name = ?", salt, self.digest(salt, password), name)

    @staticmethod
    def digest(salt, password):
        return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 10000).hex()

    def user(self, name):
        found = self.run("SELECT name, email, admin, salt, password FROM user WHERE name = ?", name)
        return found[0] if found else None

    def login(self, name, password):
        user = self.user(name)
        return user is not None and secrets.compare_digest(user[4] or "", self.digest(user[3] or "", password))

    def by_token(self, token):
        found = self.run("SELECT owner FROM token WHERE digest = ?", hashlib.sha256(token.encode()).hexdigest())
        return found[0][0] if found else None

    def mode(self, owner, name, user):
        """What `user` may do: None, read or write."""
        if user is None:
            return None
        if user == owner:
            return "write"
        found = self.run("SELECT mode FROM access WHERE owner = ? AND name = ? AND user = ?", owner, name, user)
        return found[0][0] if found else None

    def folder(self, owner, name):
        return os.path.join(self.root, owner, name + ".git")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None

    def answer(self, status, body=b"", kind="application/json", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, status, value):
        self.answer(status, json.dumps(value).encode())

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if size == 0:
                    return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def identity(self):
        """(user, how): how is basic or token."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            try:
                name, _, password = base64.b64decode(value).decode().partition(":")
            except ValueError:
                return None, None
            if self.store.login(name, password):
                return name, "basic"
        if kind == "token":
            return self.store.by_token(value), "token"
        return None, None

    def route(self):
        url = urllib.parse.urlsplit(self.path)
        content = self.body()
        if url.path == "/healthcheck":
            self.store.run("SELECT 1")
            return self.answer(200, b"* Database connection: OK\n", "text/plain")
        git = re.fullmatch(r"/([\w.-]+)/([\w.-]+?)\.git/(info/refs|git-upload-pack|git-receive-pack)", url.path)
        if git:
            return self.git(git.group(1), git.group(2), git.group(3), url.query, content)
        if url.path.startswith("/api/v1/"):
            return self.api(url.path[len("/api/v1"):], json.loads(content) if content.strip() else {})
        if self.identity()[0] is None:
            return self.answer(302, headers=(("Location", "/user/login"),))
        return self.answer(200, b"<!doctype html><title>Gogs stand-in</title><p>The sandbox's stand-in for Gogs: no pages here.", "text/html")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = route

    def api(self, path, body):
        store = self.store
        user, how = self.identity()
        if user is None:
            return self.json(403, {"message": "sign in first"})
        basic, token = how == "basic", how == "token"
        admin = bool(store.user(user)[2])
        owner_tokens = re.fullmatch(r"/users/([\w.-]+)/tokens", path)
        edited = re.fullmatch(r"/admin/users/([\w.-]+)", path)
        owned = re.fullmatch(r"/admin/users/([\w.-]+)/repos", path)
        repo = re.fullmatch(r"/repos/([\w.-]+)/([\w.-]+)", path)
        collaborator = re.fullmatch(r"/repos/([\w.-]+)/([\w.-]+)/collaborators/([\w.-]+)", path)
        if owner_tokens and basic and owner_tokens.group(1) == user:
            if self.command == "GET":
                return self.json(200, [{"name": name} for (name,) in store.run("SELECT name FROM token WHERE owner = ?", user)])
            value = secrets.token_hex(20)
            store.run("INSERT INTO token VALUES (?, ?, ?)", user, body["name"], hashlib.sha256(value.encode()).hexdigest())
            return self.json(201, {"name": body["name"], "sha1": value})
        if path == "/admin/users" and self.command == "POST" and admin:
            if store.user(body["username"]) is not None:
                return self.json(422, {"message": "user already exists"})
            store.run("INSERT INTO user VALUES (?, ?, 0, '', '', -1)", body["username"], body["email"])
            store.set_password(body["username"], body["password"])
            return self.json(201, {"username": body["username"]})
        if edited and self.command == "PATCH" and admin:
            if store.user(edited.group(1)) is None:
                return self.json(404, {})
            if "email" not in body:
                return self.json(422, {"message": "Email is required"})
            store.run("UPDATE user SET email = ? WHERE name = ?", body["email"], edited.group(1))
            if "admin" in body:
                store.run("UPDATE user SET admin = ? WHERE name = ?", int(body["admin"]), edited.group(1))
            if "max_repo_creation" in body:
                store.run("UPDATE user SET repositories = ? WHERE name = ?", int(body["max_repo_creation"]), edited.group(1))
            if body.get("password"):
                store.set_password(edited.group(1), body["password"])
            return self.json(200, {"username": edited.group(1)})
        if (owned and admin or path == "/user/repos") and self.command == "POST":
            owner, name = owned.group(1) if owned else user, body["name"]
            limit = store.run("SELECT repositories FROM user WHERE name = ?", owner)[0][0]
            if 0 <= limit <= store.run("SELECT count(*) FROM repository WHERE owner = ?", owner)[0][0]:
                return self.json(500, {})
            if store.run("SELECT 1 FROM repository WHERE owner = ? AND name = ?", owner, name):
                return self.json(422, {"message": "repository already exists"})
            folder = store.folder(owner, name)
            subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch", store.branch, folder], check=True)
            subprocess.run(["git", "-C", folder, "config", "http.receivepack", "true"], check=True)
            store.run("INSERT INTO repository VALUES (?, ?, ?)", owner, name, int(bool(body.get("private"))))
            return self.json(201, {"full_name": "%s/%s" % (owner, name), "private": bool(body.get("private"))})
        if repo and self.command == "GET":
            owner, name = repo.groups()
            found = store.run("SELECT private FROM repository WHERE owner = ? AND name = ?", owner, name)
            mode = store.mode(owner, name, user)
            if not found or mode is None:
                return self.json(404, {})
            permissions = {"admin": user == owner, "push": mode == "write", "pull": True}
            return self.json(200, {"full_name": "%s/%s" % (owner, name), "private": bool(found[0][0]), "permissions": permissions})
        if collaborator and self.command == "PUT":
            owner, name, other = collaborator.groups()
            if not token:
                return self.json(401, {})
            if user != owner or store.user(other) is None:
                return self.json(404, {})
            mode = "read" if body.get("permission", "write") == "read" else "write"
            store.run("INSERT OR REPLACE INTO access VALUES (?, ?, ?, ?)", owner, name, other, mode)
            return self.answer(204)
        return self.json(401 if basic else 404, {})

    def git(self, owner, name, service, query, content):
        store = self.store
        if not store.run("SELECT 1 FROM repository WHERE owner = ? AND name = ?", owner, name):
            return self.answer(404, kind="text/plain")
        user, _ = self.identity()
        if user is None:
            return self.answer(401, headers=(("WWW-Authenticate", 'Basic realm="."'),), kind="text/plain")
        mode = store.mode(owner, name, user)
        writing = "git-receive-pack" in (service + query)
        if mode is None or (writing and mode != "write"):
            return self.answer(403, kind="text/plain")
        environment = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "GIT_PROJECT_ROOT": store.root, "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": "/%s/%s.git/%s" % (owner, name, service), "QUERY_STRING": query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(content)), "REMOTE_USER": user,
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=content, env=environment, stdout=subprocess.PIPE, check=True)
        head, _, payload = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for key, value in headers if key == "Status"), 200)
        kind = next((value for key, value in headers if key == "Content-Type"), "text/plain")
        return self.answer(status, payload, kind)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(prog="gogs")
    parser.add_argument("--version", action="version", version="Gogs version " + VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    web = commands.add_parser("web")
    web.add_argument("--config", "-c", required=True)
    admin = commands.add_parser("admin").add_subparsers(dest="action", required=True)
    create = admin.add_parser("create-user")
    for name in ("name", "password", "email", "config"):
        create.add_argument("--" + name, required=True)
    create.add_argument("--admin", action="store_true")
    hooks = admin.add_parser("resync-hooks")
    hooks.add_argument("--config", "-c", required=True)
    chosen = parser.parse_args()
    config = settings(chosen.config)
    store = Store(config)
    if chosen.command == "web":
        store.prepare()
        Handler.store = store
        print("Gogs " + VERSION, flush=True)
        address = (config.get("server", "http_addr"), config.getint("server", "http_port"))
        http.server.ThreadingHTTPServer(address, Handler).serve_forever()
    elif chosen.action == "create-user":
        if chosen.name == "admin":
            sys.exit("create user: name is reserved [name: admin]")
        if store.user(chosen.name) is not None:
            sys.exit("create user: user already exists [name: %s]" % chosen.name)
        store.run("INSERT INTO user VALUES (?, ?, ?, '', '', -1)", chosen.name, chosen.email, int(chosen.admin))
        store.set_password(chosen.name, chosen.password)


main()
