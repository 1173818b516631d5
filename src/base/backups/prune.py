#!/usr/bin/env python3
"""Removes versions that were overwritten or deleted longer ago than the retention, and uploads that never ended."""
import datetime
import sys
import xml.etree.ElementTree as xml

from s3 import SETTINGS, call

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
LIMIT = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=SETTINGS["retentionDays"])


def field(element, name):
    found = element.find(NAMESPACE + name)
    return "" if found is None or found.text is None else found.text


def old(element, name):
    return datetime.datetime.strptime(field(element, name)[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc) < LIMIT


def pages(bucket, query, markers):
    """Every page of a listing; `markers` name where the next one starts, by query parameter."""
    while True:
        status, body = call("GET", "/" + bucket, query)
        if status != 200:
            sys.exit("the backup store answered %d when asked to list %s" % (status, bucket))
        page = xml.fromstring(body)
        yield page
        if field(page, "IsTruncated") != "true":
            return
        query = dict(query, **{key: field(page, element) for key, element in markers.items()})


removed = 0
for bucket in sorted(SETTINGS["buckets"]):
    for page in pages(bucket, {"versions": ""}, {"key-marker": "NextKeyMarker", "version-id-marker": "NextVersionIdMarker"}):
        for kind in ("Version", "DeleteMarker"):
            for each in page.findall(NAMESPACE + kind):
                if field(each, "IsLatest") != "true" and old(each, "LastModified"):
                    status, _ = call("DELETE", "/%s/%s" % (bucket, field(each, "Key")), {"versionId": field(each, "VersionId")})
                    if status not in (200, 204):
                        sys.exit("the backup store answered %d when asked to remove a version of %s" % (status, field(each, "Key")))
                    removed += 1
    for page in pages(bucket, {"uploads": ""}, {"key-marker": "NextKeyMarker", "upload-id-marker": "NextUploadIdMarker"}):
        for each in page.findall(NAMESPACE + "Upload"):
            if old(each, "Initiated"):
                call("DELETE", "/%s/%s" % (bucket, field(each, "Key")), {"uploadId": field(each, "UploadId")})
print("removed %d old versions" % removed)
