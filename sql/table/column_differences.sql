-- Columns of the catalog that a stored table lacks or holds with another type, in the catalog's order.
-- Gives the column's name, the type it should have, and the type it has, or NULL.
-- takes: table_text

SELECT wanted.column_name, wanted.data_type, held.data_type
FROM duckdb_columns() wanted
LEFT JOIN (
    SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'store' AND table_name = {{table_text}}
) held ON held.column_name = wanted.column_name
WHERE wanted.database_name = 'temp'
  AND wanted.table_name = '_hclake_wanted'
  AND held.data_type IS DISTINCT FROM wanted.data_type
ORDER BY wanted.column_index;
