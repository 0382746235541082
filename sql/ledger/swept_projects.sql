-- The projects that earlier runs have read records of, table by table.
-- takes:

SELECT DISTINCT table_name, region, project FROM sweeps WHERE verdict <> 'failed' AND rows_read > 0 ORDER BY ALL;
