"""The readers of Parquet that are compared with the store: each takes a file, or a folder of files whose columns grew, to
columns of values as that reader hands them to its users."""

import glob
import importlib.metadata

import duckdb
import pandas
import polars
import pyarrow.dataset
import pyarrow.parquet

# A folder's own column, which its files do not have.
PARTITIONS = ("closed_month", "run_month")


def by_duckdb(path):
    return duckdb_columns(f"'{path}', hive_partitioning = false")


def folder_by_duckdb(folder):
    return duckdb_columns(f"'{folder}/*/*.parquet', union_by_name = true")


def duckdb_columns(source):
    with duckdb.connect() as connection:
        relation = connection.sql(f"SELECT * FROM read_parquet({source})")
        rows = relation.fetchall()
        columns = {name: [row[at] for row in rows] for at, name in enumerate(relation.columns)}
        return {name: values for name, values in columns.items() if name not in PARTITIONS}


def by_pyarrow(path):
    table = pyarrow.parquet.read_table(path, partitioning=None)
    return {name: table[name].to_pylist() for name in table.column_names}


def folder_by_pyarrow(folder):
    table = pyarrow.dataset.dataset(folder, schema=schema_of(folder), partitioning=None).to_table()
    return {name: table[name].to_pylist() for name in table.column_names}


def schema_of(folder):
    """Columns of all files: without it PyArrow and pandas take those of the first."""
    files = sorted(glob.glob(f"{folder}/*/*.parquet"))
    return pyarrow.unify_schemas([pyarrow.parquet.read_schema(file) for file in files])


def by_polars(path):
    return polars.read_parquet(path, hive_partitioning=False).to_dict(as_series=False)


def folder_by_polars(folder):
    """The newest file, which has every column, leads."""
    files = sorted(glob.glob(f"{folder}/*/*.parquet"), key=run_of, reverse=True)
    frame = polars.scan_parquet(files, hive_partitioning=False, missing_columns="insert", extra_columns="ignore")
    return frame.collect().to_dict(as_series=False)


def run_of(path):
    return int(path.removesuffix(".parquet").rsplit("-", 1)[1])


def by_pandas(path):
    frame = pandas.read_parquet(path, dtype_backend="pyarrow", partitioning=None)
    return {name: frame[name].tolist() for name in frame.columns}


def folder_by_pandas(folder):
    frame = pandas.read_parquet(folder, dtype_backend="pyarrow", partitioning=None, schema=schema_of(folder))
    return {name: frame[name].tolist() for name in frame.columns}


def by_pandas_numpy(path):
    """pandas as it reads by itself; whole numbers among which some are missing become floating ones, and are left out."""
    frame = pandas.read_parquet(path, partitioning=None)
    whole = {field.name for field in pyarrow.parquet.read_schema(path) if pyarrow.types.is_integer(field.type)}
    kept = [name for name in frame.columns if name not in whole or frame[name].dtype.kind == "i"]
    return {name: frame[name].tolist() for name in kept}


class Spark:
    """Spark on this machine, with one thread."""

    def __init__(self):
        from pyspark.sql import SparkSession

        settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1", "spark.log.level": "ERROR",
                    "spark.ui.showConsoleProgress": "false", "spark.sql.codegen.wholeStage": "false"}
        self.session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()

    def file(self, path):
        return self.columns(self.session.read.parquet(path))

    def folder(self, folder):
        return self.columns(self.session.read.option("mergeSchema", "true").parquet(folder).drop(*PARTITIONS))

    @staticmethod
    def columns(frame):
        rows = frame.collect()
        return {name: [row[at] for row in rows] for at, name in enumerate(frame.columns)}


def readers():
    """Name with version, reader of a file, reader of a folder if it has one of its own."""
    spark = Spark()
    version = importlib.metadata.version
    return [
        (f"DuckDB {version('duckdb')}", by_duckdb, folder_by_duckdb),
        (f"PyArrow {version('pyarrow')}", by_pyarrow, folder_by_pyarrow),
        (f"Polars {version('polars')}", by_polars, folder_by_polars),
        (f'pandas {version("pandas")}, `dtype_backend="pyarrow"`', by_pandas, folder_by_pandas),
        (f"pandas {version('pandas')}, NumPy types", by_pandas_numpy, None),
        (f"PySpark {spark.session.version}", spark.file, spark.folder),
    ]
