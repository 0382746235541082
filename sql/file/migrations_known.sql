-- Whether a database has ever been migrated by hclake. Other programs keep a table of that name too, with other columns.
-- takes:

SELECT count(*) = 2 FROM duckdb_columns()
WHERE database_name = current_database() AND table_name = 'schema_migrations' AND column_name IN ('version', 'checksum');
