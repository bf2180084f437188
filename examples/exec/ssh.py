#!/usr/bin/env python3
"""Collects from one host over plain ssh, for `diffy triage --collection exec`.

    exec: {command: [/opt/diffy/ssh.py, -l, responder]}

Reads a request (diffy.exec/1) on stdin and prints one snapshot line for each query
on stdout. What follows the program in `command` are options for ssh. The host has
osqueryi on its PATH, and the user who logs in is root, or REMOTE says sudo.

Statements go to osqueryi on its stdin, so no shell, neither here nor there, sees
them: REMOTE is all that the host's shell is given.
"""

import json
import subprocess
import sys
import tempfile
import time

REMOTE = "osqueryi --json"  # for another user than root: "sudo -n osqueryi --json"


def main():
    ask = json.load(sys.stdin)
    if ask["schema"] != "diffy.exec/1":
        sys.exit("expected a request of diffy.exec/1")
    end = time.monotonic() + ask["timeout_seconds"] - 5
    with tempfile.TemporaryDirectory() as folder:
        # One connection for all queries.
        ssh = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ControlMaster=auto",
               "-o", "ControlPersist=60", "-o", f"ControlPath={folder}/ssh", *sys.argv[1:]]
        try:
            connect(ssh, ask["host"])
            for query in ask["queries"]:
                left = min(ask["query_timeout_seconds"], end - time.monotonic())
                line = answer(ssh, ask["host"], query, left)
                sys.stdout.buffer.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n")
        finally:
            subprocess.run([*ssh, "-O", "exit", "--", ask["host"]], stdin=subprocess.DEVNULL, capture_output=True)


def connect(ssh, host):
    """Ends the program where the host cannot be reached: what it says is the reason."""
    done = subprocess.run([*ssh, "--", host, "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(done.returncode)


def answer(ssh, host, query, seconds):
    line = {"name": query["name"], "hostIdentifier": host, "unixTime": int(time.time()), "action": "snapshot"}
    if seconds <= 0:
        return {**line, "error": "out of time"}
    try:
        done = subprocess.run([*ssh, "--", host, REMOTE], input=(query["sql"] + ";\n").encode(),
                              capture_output=True, timeout=seconds)
        # Bytes that are no UTF-8 go through as they are.
        rows = json.loads(done.stdout.decode("utf-8", "surrogateescape"))
    except subprocess.TimeoutExpired:
        return {**line, "error": f"no answer within {seconds:.0f} seconds"}
    except ValueError:
        return {**line, "error": done.stderr.decode("utf-8", "replace")[-1000:] or "osqueryi printed no JSON"}
    return {**line, "snapshot": rows}


main()
