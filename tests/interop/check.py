"""Holds what every reader of Parquet reads from published folders to the store, value for value.

Usage: check.py STORE FOLDER… RESULTS. Run it under several TZ settings: the values are the same under each.
"""

import collections
import json
import pathlib
import sys

import pyarrow.parquet

from oracle import Store
from readers import readers
from results import Results


def fields_of(folder, paths):
    """Columns of these files together; of JSON text beside a nested column, the type of that column."""
    schema = pyarrow.unify_schemas([pyarrow.parquet.read_schema(f"{folder}/{path}") for path in paths])
    nested = {f"{field.name}_json": field for field in schema if pyarrow.types.is_nested(field.type)}
    return [nested[field.name].with_name(field.name) if field.name in nested else field for field in schema]


def parsed(field, values):
    """The values of a column; of JSON text beside a nested column, what the text says."""
    is_text = pyarrow.types.is_nested(field.type) and field.name.endswith("_json")
    return [json.loads(value) if isinstance(value, str) else value for value in values] if is_text else values


def stored(store, entry, run_id, fields):
    """The store's rows for these columns; JSON text is made of the nested column that it stands beside."""
    nested = {field.name.removesuffix("_json") for field in fields if pyarrow.types.is_nested(field.type)}
    bare = [(field.name, field.name.removesuffix("_json")) for field in fields]
    return store.rows(entry["part"], entry["table"], run_id, [short if short in nested else name for name, short in bare])


def compare(results, reader, table, where, columns, fields, wanted):
    """A reader may leave columns out only where it says so."""
    kept = [at for at, field in enumerate(fields) if field.name in columns]
    if len(kept) != len(columns) or len(kept) < len(fields) and "NumPy" not in reader:
        sys.exit(f"{where}: {reader} gives the columns {list(columns)}, the file has {[f.name for f in fields]}")
    fields = [fields[at] for at in kept]
    found = zip(*(parsed(field, columns[field.name]) for field in fields))
    results.hold(reader, table, where, found, ([row[at] for at in kept] for row in wanted), fields)


def main():
    store_path, *folders, results_path = sys.argv[1:]
    store, results, all_readers = Store(store_path), Results(), readers()
    for folder in folders:
        manifest = json.loads(pathlib.Path(folder, "_manifest.json").read_text())
        grown = collections.defaultdict(list)
        for path, entry in manifest["files"].items():
            fields = fields_of(folder, [path])
            wanted = stored(store, entry, entry["run_id"], fields)
            if len(wanted) != entry["rows"]:
                sys.exit(f"{path} has {entry['rows']} rows, the store {len(wanted)}")
            for reader, read, _ in all_readers:
                compare(results, reader, entry["table"], path, read(f"{folder}/{path}"), fields, wanted)
                results.count(reader, entry["table"], "files")
            if entry["part"] in ("history", "changes"):
                grown[entry["part"], entry["table"]].append(path)
        for (part, table), paths in grown.items():
            fields = fields_of(folder, paths)
            wanted = stored(store, {"part": part, "table": table}, None, fields)
            for reader, _, read in all_readers:
                if read:
                    where = f"{part}/{table}"
                    compare(results, reader, table, where, read(f"{folder}/{where}"), fields, wanted)
                    results.count(reader, table, "folders")
    results.add_to(results_path)


main()
