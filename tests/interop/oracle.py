"""What the store says should be in a published file, asked of the store itself in SQL that shares nothing with the
publisher's. It knows nothing of Parquet."""

import duckdb


class Store:
    def __init__(self, path):
        self.connection = duckdb.connect()
        self.connection.execute(f"ATTACH '{path}' AS store (READ_ONLY); USE store; SET TimeZone = 'UTC'")

    def close(self):
        self.connection.close()

    def columns(self, sql):
        return [column[0] for column in self.connection.execute(sql).description]

    def rows(self, part, table, run_id, columns):
        return self.connection.execute(self.sql(part, table, run_id, columns)).fetchall()

    def sql(self, part, table, run_id, columns):
        """The rows of one run, or of all where `run_id` is None."""
        wanted = ", ".join(f'v."{name}"' for name in columns)
        return getattr(self, part)(table, run_id, wanted)

    def current(self, table, run_id, wanted):
        return f"SELECT {wanted} FROM {table} v"

    def ledger(self, table, run_id, wanted):
        return f"SELECT {wanted} FROM {table} v WHERE run_id <= {run_id}"

    def history(self, table, run_id, wanted):
        return f"SELECT {wanted} FROM {table}_history v WHERE {'true' if run_id is None else f'_closed_run_id = {run_id}'}"

    def changes(self, table, run_id, wanted):
        """The versions that runs opened, and the last values of records gone; which is which, as the store's own
        `TABLE_changes` shows."""
        if run_id is None:
            runs = [run for (run,) in self.connection.execute("SELECT run_id FROM runs ORDER BY 1").fetchall()]
            return " UNION ALL ".join(f"({self.changes(table, run, wanted)})" for run in runs)
        started = f"(SELECT started_at FROM runs WHERE run_id = {run_id})"
        changed = f"{table}_changes({started} - INTERVAL 1 microsecond, {started})"
        key = [name for name in self.columns(f"SELECT * FROM {changed} LIMIT 0") if not name.startswith("_")]
        same = f"c._scope = o._scope AND {either('c', key)} = {either('o', key)}"
        return f"""
            SELECT {wanted} FROM (
                SELECT c._change, {started} AS _at, {run_id}::BIGINT AS _change_run_id, o.*
                FROM {changed} c JOIN (
                    SELECT * FROM {table}_versions WHERE _run_id = {run_id}
                ) o ON c._change <> 'gone' AND {same}
                UNION ALL BY NAME
                SELECT 'gone' AS _change, _valid_to AS _at, _closed_run_id AS _change_run_id, h.*
                FROM {table}_history h WHERE _closed_run_id = {run_id} AND _closed_by = 'gone'
            ) v"""


def either(row, key):
    """A record is known by the first of these that it has."""
    columns = ", ".join(f'{row}."{name}"' for name in key)
    return f"coalesce({columns})"
