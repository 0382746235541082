-- For each run, how many versions of a table it opened, and how many it closed.
-- takes: table, history

SELECT run_id, CAST(sum(opened) AS BIGINT), CAST(sum(closed) AS BIGINT), CAST(sum(gone) AS BIGINT)
FROM (
    SELECT _run_id AS run_id, count(*) AS opened, 0 AS closed, 0 AS gone FROM {{table}} GROUP BY ALL
    UNION ALL
    SELECT _run_id, count(*), 0, 0 FROM {{history}} GROUP BY ALL
    UNION ALL
    SELECT _closed_run_id, 0, count(*), count(*) FILTER (_closed_by = 'gone') FROM {{history}} GROUP BY ALL
)
GROUP BY run_id
ORDER BY run_id;
