"""The peer that uses CPython's json: prints the number of groups and the sum of their hosts.

Usage: count.py FOLDER KEYS
"""

import glob
import json
import os
import sys


def main(folder, keys_path):
    with open(keys_path, encoding="utf-8") as file:
        keys = json.load(file)
    groups = {}
    for path in glob.glob(os.path.join(folder, "*.jsonl")):
        with open(path, encoding="utf-8") as log:
            for line in log:
                answer = json.loads(line)
                columns = keys.get(answer["name"])
                if columns is None:
                    continue
                for row in answer.get("snapshot") or ():
                    group = (answer["name"], *[row.get(c) for c in columns])
                    groups.setdefault(group, set()).add(answer["hostIdentifier"])
    print(len(groups), sum(map(len, groups.values())))


main(*sys.argv[1:])
