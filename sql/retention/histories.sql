-- Tables with the closed versions of a list, those of lists that the catalog no longer knows included.
-- takes:

SELECT c.table_name
FROM duckdb_columns() AS c
JOIN duckdb_tables() AS t ON t.database_name = c.database_name AND t.table_name = c.table_name AND NOT t.temporary
WHERE c.database_name = current_database() AND c.column_name = '_closed_run_id'
ORDER BY c.table_name;
