-- Names and types of the columns of a Parquet file, as DuckDB reads them.
-- takes: file

SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet({{file}}, hive_partitioning = false));
