-- Every row that a sweep read is counted exactly once.
-- takes:

SELECT concat_ws(' ', run_id, table_name, scope) AS detail
FROM sweeps
WHERE verdict <> 'failed' AND rows_read <> "new" + changed + unchanged + duplicates + quarantined
