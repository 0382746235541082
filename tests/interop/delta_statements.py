"""Runs statements for DuckDB, each with the views and files that it names, and says how many rows the last of each gives
for each exporter, and what their hashes add up to.

Usage: delta_statements.py [PORT] < BLOCKS > ANSWERS. Blocks are a JSON array of texts; `.read FILE` is as in DuckDB's
shell. PORT is that of a service of buckets.
"""

import json
import sys

import duckdb

from delta_readers import load_extensions, use_service


def answer(block, port):
    lines = [open(line.split()[1]).read() if line.startswith(".read ") else line for line in block.splitlines()]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    load_extensions(connection)
    if port:
        use_service(connection, port)
    *before, last = [statement.query for statement in duckdb.extract_statements("\n".join(lines))]
    for statement in before:
        connection.execute(statement)
    rows = last.strip().removesuffix(";")
    sums = f"SELECT exporter, count(*), CAST(sum(CAST(_hash AS HUGEINT)) AS VARCHAR) FROM ({rows}) GROUP BY 1"
    return {exporter: [rows, hashes] for exporter, rows, hashes in connection.execute(sums).fetchall()}


port = sys.argv[1] if len(sys.argv) > 1 else None
json.dump([answer(block, port) for block in json.load(sys.stdin)], sys.stdout)
