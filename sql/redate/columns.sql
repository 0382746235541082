-- Columns of the store that may hold the start of a run: hclake's own columns in the tables of lists and their history,
-- and those of the ledger that say when something was seen.
-- takes:

SELECT c.table_name, c.column_name
FROM duckdb_columns() AS c
JOIN duckdb_tables() AS t ON t.database_name = c.database_name AND t.table_name = c.table_name AND NOT t.temporary
WHERE c.database_name = current_database()
  AND c.data_type = 'TIMESTAMP WITH TIME ZONE'
  AND (
      c.column_name IN ('_first_seen', '_valid_from', '_valid_to')
      OR c.table_name IN ('quarantine', 'schema_drift')
  )
ORDER BY c.table_name, c.column_name;
