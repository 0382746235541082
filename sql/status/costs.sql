-- What readings of each list cost: the requests of the newest, the parents that the list had then and those that were
-- asked for, and how many parents the readings after the first one asked for on average, of the last seven. A retry of
-- quarantined records reads no page and does not count. A store that has not been migrated yet knows no parents.
-- takes:

SELECT
    table_name,
    scope,
    arg_max(requests, run_id),
    arg_max(parents, run_id),
    arg_max(parents_asked, run_id),
    avg(parents_asked) FILTER (NOT is_first AND is_recent)
FROM (
    SELECT
        *,
        row_number() OVER (PARTITION BY table_name, scope ORDER BY run_id) = 1 AS is_first,
        row_number() OVER (PARTITION BY table_name, scope ORDER BY run_id DESC) <= 7 AS is_recent
    FROM (
        FROM sweeps
        UNION ALL BY NAME
        SELECT CAST(NULL AS BIGINT) AS parents, CAST(NULL AS BIGINT) AS parents_asked WHERE false
    )
    WHERE pages > 0
)
GROUP BY table_name, scope
ORDER BY table_name, scope;
