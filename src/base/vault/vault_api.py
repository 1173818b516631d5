"""Calls of Vault's HTTP API for the scripts beside this file, over TLS that must verify."""
import json
import sys
import urllib.error
import urllib.request

with open("/etc/platform/vault/settings.json") as handle:
    SETTINGS = json.load(handle)


def request(method, path, body=None, token=None, raw=False):
    """Status and answer, whatever the status is; the answer's bytes with `raw`."""
    url = "https://%s:%d/v1/%s" % (SETTINGS["address"], SETTINGS["port"], path)
    data = body if raw and body is not None else (None if body is None else json.dumps(body).encode())
    call = urllib.request.Request(url, method=method, data=data)
    if token is not None:
        call.add_header("X-Vault-Token", token)
    try:
        with urllib.request.urlopen(call, timeout=120) as answer:
            text, status = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        text, status = error.read(), error.code
    if raw and status == 200:
        return status, text
    return status, json.loads(text) if text.strip() else {}


def must(what, method, path, body=None, token=None):
    status, answer = request(method, path, body, token)
    if status not in (200, 204):
        sys.exit("Vault answered %d when asked to %s: %s" % (status, what, "; ".join(answer.get("errors", [])) or "no reason given"))
    return answer
