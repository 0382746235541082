"""Answers questions about a store by one version of DuckDB, the one on the path: twice, with the store opened and with
it attached under another name.

Usage: duckdb_versions.py STORE < QUESTIONS > ANSWERS. Questions are a JSON array of statements; answers are one of
arrays of rows.
"""

import json
import sys

import duckdb


def answers(connection, questions):
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    return [[list(row) for row in connection.execute(question).fetchall()] for question in questions]


def main():
    store, questions = sys.argv[1], json.load(sys.stdin)
    opened = answers(duckdb.connect(store, read_only=True), questions)
    other = duckdb.connect()
    other.execute(f"ATTACH '{store}' AS lake (READ_ONLY)")
    other.execute("USE lake")
    attached = answers(other, questions)
    if opened != attached:
        sys.exit(f"DuckDB {duckdb.__version__} answers otherwise where the store is attached")
    json.dump(opened, sys.stdout)


main()
