"""What has been compared and found equal, counted by reader, table and kind of value, and kept as lines of JSON."""

import collections
import json
import os
import sys

from values import checks_of, plain


class Results:
    def __init__(self):
        self.tallies = collections.defaultdict(collections.Counter)

    def hold(self, reader, table, where, found, wanted, fields):
        """Ends the program unless these rows are the wanted ones, in whatever order. Both are values as readers give
        them; fields show their types."""
        found, wanted = (as_plain(rows, fields) for rows in (found, wanted))
        if found != wanted:
            sys.exit(f"{where} under TZ={os.environ.get('TZ')}: {reader} reads {difference(fields, found, wanted)}")
        tally = self.tallies[reader, table]
        tally["empty table"] += not wanted
        for row in wanted:
            for value, field in zip(row, fields):
                for check in checks_of(value, field.type, field.name == "late"):
                    tally[check] += 1

    def count(self, reader, table, what):
        self.tallies[reader, table][what] += 1

    def add_to(self, path):
        with open(path, "a") as lines:
            for (reader, table), tally in self.tallies.items():
                line = {"zone": os.environ.get("TZ", ""), "reader": reader, "table": table, "checks": tally}
                lines.write(json.dumps(line) + "\n")


def as_plain(rows, fields):
    types = [field.type for field in fields]
    return sorted((tuple(map(plain, row, types)) for row in rows), key=repr)


def difference(fields, found, wanted):
    if len(found) != len(wanted):
        return f"{len(found)} rows, the store has {len(wanted)}"
    for one, other in zip(found, wanted):
        for field, a, b in zip(fields, one, other):
            if a != b:
                return f"{field.name} as {a!r}, the store has {b!r}"
