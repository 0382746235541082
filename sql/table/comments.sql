-- The comments of a stored table and its columns. The table's comment has the column name NULL.
-- takes: table_text

SELECT NULL AS column_name, comment FROM duckdb_tables() WHERE database_name = 'store' AND table_name = {{table_text}}
UNION ALL
SELECT column_name, comment FROM duckdb_columns() WHERE database_name = 'store' AND table_name = {{table_text}};
