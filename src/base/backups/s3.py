"""The few S3 calls that the store's own scripts make, signed by AWS Signature Version 4, over TLS that must verify."""
import datetime
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request

with open("/etc/platform/backup-store/buckets.json") as handle:
    SETTINGS = json.load(handle)
with open("/etc/platform/backup-store/users.json") as handle:
    ACCOUNTS = json.load(handle)["accessAccounts"]


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def call(method, path, query=None, body=b"", headers=None, access=None):
    """Status and body of a request made as `access`, the administrator by default; never raises for a status."""
    account = ACCOUNTS[access or SETTINGS["administrator"]]
    host = "%s:%d" % (SETTINGS["address"], SETTINGS["port"])
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = "%s/%s/s3/aws4_request" % (now[:8], SETTINGS["region"])
    payload = hashlib.sha256(body).hexdigest()
    signed = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": now}
    signed.update({name.lower(): value for name, value in (headers or {}).items()})
    names = ";".join(sorted(signed))
    quoted_path = urllib.parse.quote(path)
    pairs = "&".join("%s=%s" % (urllib.parse.quote(k, safe=""), urllib.parse.quote(v, safe="")) for k, v in sorted((query or {}).items()))
    lines = "".join("%s:%s\n" % (name, signed[name].strip()) for name in sorted(signed))
    canonical = "\n".join([method, quoted_path, pairs, lines, names, payload])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + account["secret"]).encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    url = "https://%s%s%s" % (host, quoted_path, "?" + pairs if pairs else "")
    request = urllib.request.Request(url, method=method, data=body if body else None)
    for name, value in signed.items():
        request.add_header(name, value)
    request.add_header(
        "Authorization", "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (account["access"], scope, names, signature)
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
