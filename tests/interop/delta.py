"""Compares Delta tables, by every reader of them in this environment, with the stores that were published into them, value
by value: the live records of each store, the changes of all its runs, and those of its newest run alone.

Usage: delta.py KIND LAKE EXPORTER=STORE…, with KIND shared or apart, and LAKE a folder, or a part of a bucket at the service
at PORT
"""

import collections
import sys

from delta_readers import Lake, readers
from oracle import Store

PARTITIONS = ("exporter", "run_month")
TABLES = "SELECT view_name[:-10] FROM duckdb_views() WHERE view_name LIKE '%\\_versions' ESCAPE '\\' ORDER BY 1"


def main():
    kind, place, *stores = sys.argv[1:]
    stores = dict(store.split("=", 1) for store in stores)
    lake = Lake(kind, place, list(stores))
    compared = 0
    for reader_name, reader_of in readers():
        values = collections.Counter()
        for exporter, path in stores.items():
            store = Store(path)
            reader = reader_of(lake, store.connection)
            tables = [table for (table,) in store.connection.execute(TABLES).fetchall()]
            newest = store.connection.execute("SELECT max(run_id) FROM runs").fetchone()[0]
            for table in tables:
                values["live"] += compare(store, "current", table, None, reader.rows(f"{table}_current", exporter))
                values["of changes"] += compare(store, "changes", table, None, reader.rows(f"{table}_changes", exporter))
                of_newest = reader.rows(f"{table}_changes", exporter, newest)
                values["of the newest run"] += compare(store, "changes", table, newest, of_newest)
                values["tables"] += 2
            store.close()
        assert all(values[what] for what in ("live", "of changes", "of the newest run")), values
        counts = ", ".join(f"{count:,} {what}" for what, count in values.items())
        print(f"delta: {reader_name} reads {kind} tables of {len(stores)} stores as they have them: {counts}")
        compared += 1
    assert compared > 0, "no reader of Delta tables is installed"


def compare(store, part, table, run_id, read):
    """How many values are equal. Columns that only other stores have are NULL; months are those of the changes."""
    ask = lambda sql: store.connection.execute(sql).fetchone()[0]
    own = set(store.columns(f"SELECT * FROM {table} LIMIT 0")) | {"_change", "_at", "_change_run_id"}
    found = [name for name in store.columns(f"SELECT * FROM {read} LIMIT 0") if name not in PARTITIONS]
    missing = set(store.columns(f"SELECT * FROM {table} LIMIT 0")) - set(found)
    assert not missing, (table, part, missing)
    columns = [name for name in found if name in own]
    others = [f'"{name}" IS NOT NULL' for name in found if name not in own]
    assert not others or ask(f"SELECT count(*) FROM {read} WHERE {' OR '.join(others)}") == 0, (table, part, others)
    if part == "changes":
        assert ask(f"SELECT count(*) FROM {read} WHERE run_month <> strftime(_at, '%Y-%m')") == 0, table
    one = f"SELECT {', '.join(spelt(name) for name in columns)} FROM {read}"
    other = f"SELECT {', '.join(spelt(name) for name in columns)} FROM ({store.sql(part, table, run_id, columns)})"
    apart = f"SELECT count(*) FROM (({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one}))"
    assert ask(apart) == 0, f"{part} of {table}, run {run_id}: {ask(apart)} rows differ"
    return ask(f"SELECT count(*) FROM {read}") * len(columns)


def spelt(name):
    """JSON of the store is text in files."""
    return 'CAST("extra" AS VARCHAR) AS extra' if name == "extra" else f'"{name}"'


main()
