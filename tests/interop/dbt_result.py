"""Holds the tables that dbt built, from the store and from a published folder, to the store.

Usage: dbt_result.py STORE BUILT RESULTS
"""

import importlib.metadata
import sys

import duckdb

from oracle import Store
from results import Results

# Model, and what it is made from: a table of the store, and a part of it.
MODELS = [
    ("jobs_of_lake", "app_install_jobs", "current"),
    ("jobs_of_folder", "app_install_jobs", "current"),
    ("history_of_lake", "apps", "history"),
    ("history_of_folder", "apps", "history"),
]


def main():
    store_path, built_path, results_path = sys.argv[1:]
    store, results = Store(store_path), Results()
    built = duckdb.connect(built_path, read_only=True)
    reader = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("dbt-core", "dbt-duckdb"))
    for model, table, part in MODELS:
        fields = list(built.sql(f"FROM {model}").to_arrow_table().schema)
        wanted = store.rows(part, table, None, [field.name for field in fields])
        if not wanted:
            sys.exit(f"the store has no rows to hold {model} to")
        results.hold(reader, table, model, built.sql(f"FROM {model}").fetchall(), wanted, fields)
    results.add_to(results_path)


main()
