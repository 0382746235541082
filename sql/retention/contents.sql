-- Everything that a store consists of beside its rows, one text each: tables, columns, views and macros, with comments.
-- takes:

SELECT concat_ws(' ', 'table', table_name, sql, comment)
FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal AND NOT temporary
UNION ALL
SELECT concat_ws(' ', 'column', table_name, column_name, data_type, comment)
FROM duckdb_columns() WHERE database_name = current_database() AND NOT internal
UNION ALL
SELECT concat_ws(' ', 'view', view_name, sql, comment)
FROM duckdb_views() WHERE database_name = current_database() AND NOT internal AND NOT temporary
UNION ALL
SELECT concat_ws(' ', 'macro', function_name, CAST(parameters AS VARCHAR), macro_definition, comment)
FROM duckdb_functions() WHERE database_name = current_database() AND NOT internal
ORDER BY ALL;
