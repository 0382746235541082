"""What was compared, as Markdown: values of each kind for each reader, and for each table. A difference ends a check
at once, so whatever is counted here was equal. Fails if a kind of value was never met, or not by some reader of files.

Usage: table.py RESULTS
"""

import collections
import json
import sys

CHECKS = [
    "instants", "NULL", "empty text", "Chinese text", "nested", "unknown value", "column added later", "empty table",
    "other",
]


def main():
    lines = [json.loads(line) for line in open(sys.argv[1])]
    for title in ("reader", "table"):
        sums, zones = collections.defaultdict(collections.Counter), collections.defaultdict(set)
        for line in lines:
            sums[line[title]].update(line["checks"])
            zones[line[title]].add(line["zone"])
        print(f"| {title} | zones | files | folders | {' | '.join(CHECKS)} |")
        print("|---|" + "--:|" * (len(CHECKS) + 3))
        for name, sum_ in sums.items():
            counts = [len(zones[name])] + [sum_[check] for check in ["files", "folders", *CHECKS]]
            print(f"| {name} | {' | '.join(f'{count:,}' if count else '–' for count in counts)} |")
        print()
        unmet = [(name, check) for name, sum_ in sums.items() if sum_["folders"] for check in CHECKS if not sum_[check]]
        if title == "reader" and unmet:
            sys.exit(f"never met: {unmet}")



main()
