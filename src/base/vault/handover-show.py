#!/usr/bin/env python3
"""Gives out the hand-over file that initialise.py has left for the operators."""
import base64
import os
import sys

path = "/var/lib/platform/vault-handover.json"
if not os.path.exists(path):
    sys.exit("no hand-over is waiting on this machine: an operator has taken it")
with open(path, "rb") as source, open(os.environ["PLATFORM_SECRET_REPORT"], "a") as report:
    report.write("handover=%s\n" % base64.b64encode(source.read()).decode())
