#!/usr/bin/env python3
"""Waits until Rancher itself, by its own objects in this cluster, calls every imported cluster connected and ready."""
from rancher_cluster import look, settings, wait

SECONDS = 1200
CONDITIONS = ("Connected", "Ready")


def active(cluster):
    found = look("clusters.management.cattle.io", cluster["id"])
    if found is None:
        return False, "Rancher has no cluster %s" % cluster["id"]
    said = {each["type"]: each for each in found.get("status", {}).get("conditions", [])}
    missing = [each for each in CONDITIONS if said.get(each, {}).get("status") != "True"]
    return not missing, "; ".join("%s: %s" % (each, said.get(each, {}).get("message") or "nothing said yet") for each in missing)


for each in settings("clusters")["clusters"]:
    wait(lambda: active(each), SECONDS, "cluster %s to be active in Rancher" % each["name"],
         lambda: "Look at deployment cattle-cluster-agent, namespace cattle-system, in that cluster.")
    print("report %s=active" % each["name"])
