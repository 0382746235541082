"""Compares shared Delta tables, as delta-rs reads them, with the stores that were published into them: the live records
of each store, and the state that its changes add up to, with and without the statistics that files are skipped by. Where
exporters are apart, their tables are united first.

Usage: delta.py LAKE EXPORTER=STORE...
"""

import pathlib
import sys

import duckdb
import pyarrow
from deltalake import DeltaTable

PARTITIONS = ("exporter", "run_month")


def main():
    lake, stores = pathlib.Path(sys.argv[1]), dict(arg.split("=", 1) for arg in sys.argv[2:])
    compared = 0
    lakes = sorted(lake.glob("exporters/*")) or [lake]
    for table in sorted({folder.name.removesuffix("_current") for one in lakes for folder in one.glob("*_current")}):
        current, changes = United(lakes, f"{table}_current"), United(lakes, f"{table}_changes")
        for exporter, store in stores.items():
            with duckdb.connect(store, read_only=True) as connection:
                compared += compare(connection, table, exporter, current, changes)
    assert compared > 0
    print(f"delta: {compared} tables of {len(stores)} stores are equal to what delta-rs reads")


class United:
    """The tables of one name in all folders, as one."""

    def __init__(self, lakes, name):
        self.tables = [DeltaTable(str(lake / name)) for lake in lakes if (lake / name).exists()]
        for table in self.tables:
            protocol = table.protocol()
            assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2), protocol

    def to_pyarrow_table(self, filters):
        parts = [table.to_pyarrow_table(filters=filters) for table in self.tables]
        return pyarrow.concat_tables(parts, promote_options="default")


def compare(connection, table, exporter, current, changes):
    connection.execute("SET TimeZone = 'UTC'")
    held = [name for name, in connection.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()]
    columns = ", ".join("CAST(extra AS VARCHAR) AS extra" if name == "extra" else f'"{name}"' for name in held)
    shared = current.to_pyarrow_table(filters=[("exporter", "=", exporter)])
    assert apart(connection, f"SELECT {columns} FROM shared", f"SELECT {columns} FROM {table}", shared) == 0, table
    log = changes.to_pyarrow_table(filters=[("exporter", "=", exporter)])
    runs = connection.execute(f"SELECT count(DISTINCT _run_id) FROM {table}_versions").fetchone()[0]
    assert len(log) >= runs, table
    # Each version opens once: a change that was added twice, or not at all, would show.
    opened = "SELECT count(*) FROM shared WHERE _change <> 'gone'"
    versions = f"SELECT count(*) FROM {table}_versions"
    counts = [count(connection, sql, log) for sql in (opened, versions)]
    assert counts[0] == counts[1], (table, counts)
    hashes = "SELECT sum(CAST(_hash AS HUGEINT)) FROM "
    sums = [count(connection, hashes + sql, log) for sql in ("shared WHERE _change <> 'gone'", f"{table}_versions")]
    assert sums[0] == sums[1], (table, sums)
    # What the statistics leave out must hold nothing that is asked for.
    newest = count(connection, "SELECT max(_change_run_id) FROM shared", log)
    if newest is not None:
        filters = [("exporter", "=", exporter), ("_change_run_id", "=", newest)]
        skipped = changes.to_pyarrow_table(filters=filters)
        whole = count(connection, f"SELECT count(*) FROM shared WHERE _change_run_id = {newest}", log)
        assert len(skipped) == whole, (table, len(skipped), whole)
    return 1


def apart(connection, one, other, shared):
    return count(
        connection,
        f"SELECT (SELECT count(*) FROM ({one} EXCEPT ALL {other})) + (SELECT count(*) FROM ({other} EXCEPT ALL {one}))",
        shared,
    )


def count(connection, sql, shared):
    connection.register("shared", shared)
    return connection.execute(sql).fetchone()[0]


main()
