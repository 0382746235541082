-- The columns of a table of the ledger, or of a view, in their order, with the comments on the table and on each column.
-- takes: table_text

SELECT columns.column_name, columns.data_type, columns.is_nullable, columns.comment, tables.comment
FROM duckdb_columns() AS columns
JOIN (
    SELECT database_name, schema_name, table_name, comment FROM duckdb_tables()
    UNION ALL
    SELECT database_name, schema_name, view_name, comment FROM duckdb_views()
) AS tables USING (database_name, schema_name, table_name)
WHERE columns.database_name = current_database() AND columns.table_name = {{table_text}}
ORDER BY columns.column_index;
