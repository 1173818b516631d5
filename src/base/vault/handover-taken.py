#!/usr/bin/env python3
"""Removes the hand-over file, which an operator has by now."""
import os

os.unlink("/var/lib/platform/vault-handover.json")
