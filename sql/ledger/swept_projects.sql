-- The projects from which earlier runs have read records, table by table.
-- takes:

SELECT DISTINCT table_name, region, project FROM sweeps WHERE verdict <> 'failed' AND rows_read > 0 ORDER BY ALL;
