-- Whether the store must still have a row of the ledger: its run was not pruned.
-- takes:

v.run_id IN (SELECT run_id FROM (FROM runs UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS pruned_at WHERE false)
    WHERE pruned_at IS NULL)
