"""Compares a dataset in a bucket with the same dataset in a folder, read by PyArrow's own client of S3.

Usage: buckets.py PORT PREFIX FOLDER

Every file of the bucket's manifest has the rows of the folder's file, under the names that the manifest lists and under
the lasting ones.
"""

import json
import sys
from pathlib import Path

import pyarrow.fs
import pyarrow.parquet as pq

port, prefix, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
service = pyarrow.fs.S3FileSystem(
    access_key="lake-ak",
    secret_key="lake-secret",
    endpoint_override=f"127.0.0.1:{port}",
    scheme="http",
    region="us-east-1",
)
root = f"lake/{prefix}"
with service.open_input_stream(f"{root}/_manifest.json") as stream:
    manifest = json.loads(stream.readall())
expected = json.loads((folder / "_manifest.json").read_text())


def lasting(path):
    return path.split("/", 2)[2] if path.startswith("runs/") else path


assert {lasting(path) for path in manifest["files"]} == set(expected["files"]), "other files than the folder's"
values = 0
for path in manifest["files"]:
    in_folder = pq.read_table(folder / lasting(path), partitioning=None)
    for place in {path, lasting(path)}:
        with service.open_input_file(f"{root}/{place}") as file:
            in_bucket = pq.read_table(file)
        assert in_bucket.equals(in_folder, check_metadata=False), f"{place} differs"
        values += in_bucket.num_rows * in_bucket.num_columns
    described = manifest["files"][path]["bytes"], manifest["files"][path]["sha256"]
    assert described == (expected["files"][lasting(path)]["bytes"], expected["files"][lasting(path)]["sha256"]), path
print(f"buckets: {len(manifest['files'])} files, {values:,} values in {prefix} are those of {folder.name}")
