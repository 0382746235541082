-- What the newest reading of each list cost: its requests, and the parents that the list had. A retry of quarantined
-- records reads no page and does not count. A store that has not been migrated yet knows no parents.
-- takes:

SELECT
    table_name,
    scope,
    arg_max(requests, run_id),
    arg_max(parents, run_id)
FROM (FROM sweeps UNION ALL BY NAME SELECT CAST(NULL AS BIGINT) AS parents WHERE false)
WHERE pages > 0
GROUP BY table_name, scope
ORDER BY table_name, scope;
