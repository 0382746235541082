-- Whether the store still knows a change: the run that made it was not pruned, and neither was the run before the change,
-- whose records it replaced. A store that has not been migrated yet was never pruned.
-- takes:

v._change_run_id IN (SELECT run_id FROM (FROM runs UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS pruned_at WHERE false)
    WHERE pruned_at IS NULL)
AND v._at IN (
    SELECT started_at
    FROM (
        SELECT started_at, lag(pruned_at) OVER (ORDER BY run_id) AS before_pruned_at
        FROM (FROM runs UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS pruned_at WHERE false)
    )
    WHERE before_pruned_at IS NULL
)
