"""The way of tools that speak SQLAlchemy (Superset and its like): the store opened read-only, and published folders
behind views, each value compared with the store as DuckDB's own client gives it.

Usage: sql_tools.py STORE FOLDER RESULTS
"""

import importlib.metadata
import json
import pathlib
import sys

import pyarrow.parquet
import sqlalchemy

from oracle import Store
from results import Results


def require_refusal(engine):
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE scribble (i INTEGER)"))
    except sqlalchemy.exc.DBAPIError:
        return
    sys.exit("a store that was opened read-only was written to")


def wanted_of(store_path, folder):
    """Files of live records and of the ledger, with what the store has for each. It is closed again: one process opens
    a store in one way at a time."""
    store = Store(store_path)
    manifest = json.loads(pathlib.Path(folder, "_manifest.json").read_text())
    files = []
    for path, entry in manifest["files"].items():
        if entry["part"] in ("current", "ledger"):
            fields = list(pyarrow.parquet.read_schema(f"{folder}/{path}"))
            wanted = store.rows(entry["part"], entry["table"], manifest["run"]["run_id"], [field.name for field in fields])
            files.append((path, entry["table"], fields, wanted))
    store.close()
    return files


def spelt_alike(rows, json_at):
    """JSON of the store comes taken apart, so on both sides it is put together in one way."""
    for row in map(list, rows):
        if json_at is not None and row[json_at] is not None:
            value = row[json_at]
            value = json.loads(value) if isinstance(value, str) else value
            row[json_at] = json.dumps(value, ensure_ascii=False, sort_keys=True)
        yield row


def main():
    store_path, folder, results_path = sys.argv[1:]
    files, results = wanted_of(store_path, folder), Results()
    names = [f"{name} {importlib.metadata.version(name)}" for name in ("SQLAlchemy", "duckdb-engine")]
    over_store = sqlalchemy.create_engine(f"duckdb:///{store_path}", connect_args={"read_only": True})
    over_folder = sqlalchemy.create_engine("duckdb:///:memory:", poolclass=sqlalchemy.pool.StaticPool)
    require_refusal(over_store)
    for path, table, fields, wanted in files:
        columns = [field.name for field in fields]
        with over_folder.begin() as connection:
            connection.execute(sqlalchemy.text(f"CREATE VIEW {table} AS FROM read_parquet('{folder}/{path}')"))
        query = sqlalchemy.select(*map(sqlalchemy.column, columns)).select_from(sqlalchemy.table(table))
        for place, engine in [("the store", over_store), ("a folder", over_folder)]:
            shown = {column["name"] for column in sqlalchemy.inspect(engine).get_columns(table)}
            if shown != set(columns):
                sys.exit(f"{table} of {place} is shown with the columns {sorted(shown)}")
            with engine.connect() as connection:
                found = connection.execute(query).fetchall()
            json_at = columns.index("extra") if "extra" in columns else None
            found, held = (spelt_alike(rows, json_at) for rows in (found, wanted))
            results.hold(f"{', '.join(names)}, over {place}", table, f"{table} of {place}", found, held, fields)
    results.add_to(results_path)


main()
