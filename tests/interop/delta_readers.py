"""The readers of Delta tables that are compared with the stores: each gives the rows of one exporter, and of one run if it
is named, as something that SQL selects from. Each filters in its own way, so that what it skips by statistics would show.
They know nothing of what should be there."""

import functools
import importlib.metadata
import os

KEYS = {"KEY_ID": "lake-ak", "SECRET": "lake-secret"}


def readers():
    """Name with version, and reader, of those that this environment has."""
    for package, name, reader in READERS:
        try:
            yield f"{name} {importlib.metadata.version(package)}", reader
        except importlib.metadata.PackageNotFoundError:
            pass


class Lake:
    """The tables of exporters that share them or are apart, in a folder, or in a bucket of the service at PORT."""

    def __init__(self, kind, place, exporters):
        assert kind in ("shared", "apart"), kind
        self.is_apart, self.place, self.exporters = kind == "apart", place, exporters
        self.port = os.environ.get("PORT")

    def tables(self, name):
        homes = [f"exporters/{exporter}/" for exporter in self.exporters] if self.is_apart else [""]
        return [f"{self.place}/{home}{name}" for home in homes]

    def options(self):
        if not self.port:
            return {}
        keys = {"AWS_ACCESS_KEY_ID": KEYS["KEY_ID"], "AWS_SECRET_ACCESS_KEY": KEYS["SECRET"]}
        place = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_REGION": "us-east-1"}
        return place | keys | {"AWS_ALLOW_HTTP": "true"}


class DeltaRs:
    def __init__(self, lake, connection):
        self.lake, self.connection = lake, connection

    def rows(self, name, exporter, run_id=None):
        import pyarrow
        from deltalake import DeltaTable

        filters = [("exporter", "=", exporter)] + [("_change_run_id", "=", run_id)] * (run_id is not None)
        tables = [DeltaTable(place, storage_options=self.lake.options()) for place in self.lake.tables(name)]
        for table in tables:
            protocol = table.protocol()
            assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2), protocol
        parts = [table.to_pyarrow_table(filters=filters) for table in tables]
        self.connection.register("read", pyarrow.concat_tables(parts, promote_options="default"))
        return "read"


class Polars:
    def __init__(self, lake, connection):
        self.lake, self.connection = lake, connection

    def rows(self, name, exporter, run_id=None):
        import polars

        parts = [polars.scan_delta(place, storage_options=self.lake.options()) for place in self.lake.tables(name)]
        rows = polars.concat(parts, how="diagonal").filter(polars.col("exporter") == exporter)
        rows = rows if run_id is None else rows.filter(polars.col("_change_run_id") == run_id)
        self.connection.register("read", rows.collect().to_arrow())
        return "read"


class DuckDb:
    """DuckDB by its own extensions; exporters that are apart by the views that are kept for it."""

    def __init__(self, lake, connection):
        self.lake, self.connection = lake, connection
        load_extensions(connection)
        if lake.port:
            use_service(connection, lake.port)
        if lake.is_apart:
            [(views,)] = connection.execute(f"SELECT content FROM read_text('{lake.place}/_views.sql')").fetchall()
            connection.execute("USE memory")
            connection.execute(views)
            connection.execute("USE store")

    def rows(self, name, exporter, run_id=None):
        source = f"memory.{name}" if self.lake.is_apart else f"delta_scan('{self.lake.place}/{name}')"
        run = "" if run_id is None else f" AND _change_run_id = {run_id}"
        return f"(FROM {source} WHERE exporter = '{exporter}'{run})"


class Sail:
    """Sail, as it takes Spark's statements; exporters that are apart by the names of their columns. Left to itself, Sail
    gives a column that the first of them lacks no type."""

    def __init__(self, lake, connection):
        self.lake, self.connection, self.session = lake, connection, spark_session(lake.options())

    def rows(self, name, exporter, run_id=None):
        parts = [self.session.sql(f"SELECT * FROM delta.`{place}`") for place in self.lake.tables(name)]
        types = {column.name: column.dataType for part in parts for column in part.schema.fields}
        parts = [part.selectExpr([of_type(part, column, type) for column, type in types.items()]) for part in parts]
        rows = functools.reduce(lambda one, other: one.union(other), parts)
        rows = rows.filter(f"exporter = '{exporter}'")
        rows = rows if run_id is None else rows.filter(f"_change_run_id = {run_id}")
        self.connection.register("read", rows.toArrow())
        return "read"


def of_type(part, column, type):
    """A column of a table that may lack it, for Spark."""
    return f"`{column}`" if column in part.columns else f"CAST(NULL AS {type.simpleString()}) AS `{column}`"


@functools.cache
def spark_server():
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    return server


def spark_session(options):
    from pyspark.sql import SparkSession

    os.environ.update(options, RUST_LOG="error")
    host, port = spark_server().listening_address
    session = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return session


READERS = [
    ("deltalake", "delta-rs", DeltaRs),
    ("polars", "Polars", Polars),
    ("duckdb-extension-delta", "DuckDB's extension delta", DuckDb),
    ("pysail", "Sail", Sail),
]


def load_extensions(connection):
    """From the files that are installed here; `INSTALL delta` then finds it and asks nobody for it."""
    import importlib.resources
    import sys

    import duckdb

    connection.execute(f"SET extension_directory = '{sys.prefix}/extensions'; SET autoinstall_known_extensions = false")
    for name in ("delta", "httpfs"):
        held = importlib.resources.files(f"duckdb_extension_{name}") / f"extensions/v{duckdb.__version__}"
        connection.execute(f"INSTALL '{held}/{name}.duckdb_extension'; LOAD {name}")


def use_service(connection, port):
    keys = ", ".join(f"{name} '{value}'" for name, value in KEYS.items())
    place = f"ENDPOINT '127.0.0.1:{port}', REGION 'us-east-1', USE_SSL false, URL_STYLE 'path'"
    connection.execute(f"CREATE SECRET (TYPE s3, {keys}, {place})")
