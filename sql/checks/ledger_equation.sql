-- Every row that a sweep read is accounted for, once.
-- takes:

SELECT concat_ws(' ', run_id, table_name, scope) AS detail
FROM sweeps
WHERE verdict <> 'failed' AND rows_read <> "new" + changed + unchanged + duplicates + quarantined
