"""Publishes a store and holds what pyarrow, polars, pandas and DuckDB read from it to one another, value for value.

Usage: check.py HCLAKE STORE FOLDER. Run it under several TZ settings: the values must be the same under each.
"""

import datetime as dt
import glob
import math
import subprocess
import sys

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet


def plain(value):
    """A value as every reader should give it: instants in UTC, maps as sorted pairs, nested values all the way down."""
    if value is None or value is pandas.NaT or value is pandas.NA:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dt.datetime):
        return int(value.timestamp()) * 1_000_000 + value.microsecond
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist") and not isinstance(value, str):
        items = value.tolist() if hasattr(value, "tolist") else value
        return [plain(item) for item in items] if isinstance(items, (list, tuple)) else items
    return value


def pairs(value, ty):
    """Maps, which readers give as pairs, as structs or as dictionaries, as sorted pairs."""
    if value is None:
        return None
    if pyarrow.types.is_map(ty):
        if isinstance(value, dict):
            found = list(value.items())
        else:
            found = [(v["key"], v["value"]) if isinstance(v, dict) else tuple(v) for v in value]
        return sorted((key, pairs(inner, ty.item_type)) for key, inner in found)
    if pyarrow.types.is_list(ty):
        return [pairs(inner, ty.value_type) for inner in value]
    if pyarrow.types.is_struct(ty):
        return {field.name: pairs(value[field.name], field.type) for field in ty}
    return value


def columns_of(path):
    """Columns as each reader gives them: reader -> column -> values."""
    table = pyarrow.parquet.read_table(path, partitioning=None)
    connection = duckdb.connect()
    relation = connection.sql(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)")
    by_duckdb = dict(zip(relation.columns, zip(*relation.fetchall()))) if len(table) else {}
    by_polars = polars.read_parquet(path, hive_partitioning=False)
    by_pandas = pandas.read_parquet(path, dtype_backend="pyarrow", partitioning=None)
    return table, {
        "pyarrow": {name: table[name].to_pylist() for name in table.column_names},
        "duckdb": {name: list(by_duckdb.get(name, ())) for name in relation.columns},
        "polars": {name: by_polars[name].to_list() for name in by_polars.columns},
        "pandas": {name: by_pandas[name].tolist() for name in by_pandas.columns},
    }


def compare(path):
    table, readers = columns_of(path)
    compared = 0
    for field in table.schema:
        wanted = [pairs(plain(value), field.type) for value in readers["pyarrow"][field.name]]
        for reader, columns in readers.items():
            found = [pairs(plain(value), field.type) for value in columns[field.name]]
            if found != wanted:
                at = next(i for i, (a, b) in enumerate(zip(found, wanted)) if a != b)
                sys.exit(f"{path}: {reader} reads {field.name} in row {at} as {found[at]!r}, pyarrow as {wanted[at]!r}")
            compared += len(found)
    return compared


def main():
    program, store, folder = sys.argv[1:]
    subprocess.run([program, "--quiet", "--store", store, "publish", "parquet", "--to", folder], check=True)
    files = sorted(glob.glob(f"{folder}/**/*.parquet", recursive=True))
    compared = sum(compare(path) for path in files)
    if compared < 100_000:
        sys.exit(f"only {compared} values were compared")
    print(f"{len(files)} files, {compared} values: all readers agree")


main()
