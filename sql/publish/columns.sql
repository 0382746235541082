-- Columns of a stored table in their order: name, meaning, and whether they may hold NULL.
-- takes: table_text

SELECT column_name, comment, is_nullable
FROM duckdb_columns()
WHERE database_name = current_database() AND table_name = {{table_text}}
ORDER BY column_index;
