-- Each list that was ever swept: how its newest sweep went, its newest complete one, and the records that wait
-- in quarantine. A retry of quarantined records reads no page and is no listing. A store that no run has brought up
-- to date yet has no dismissals.
-- Instants are microseconds since 1970, UTC; NULL where no sweep was complete.
-- takes:

SELECT
    swept.table_name,
    swept.scope,
    swept.verdict,
    swept.asked_us,
    swept.complete_us,
    swept.complete_rows,
    coalesce(waiting.records, 0)
FROM (
    SELECT
        table_name,
        scope,
        arg_max(verdict, run_id) AS verdict,
        max(epoch_us(started_at)) AS asked_us,
        max(epoch_us(started_at)) FILTER (verdict = 'complete') AS complete_us,
        arg_max(distinct_count, run_id) FILTER (verdict = 'complete') AS complete_rows
    FROM sweeps
    WHERE pages > 0 OR verdict = 'failed'
    GROUP BY table_name, scope
) AS swept
LEFT JOIN (
    SELECT table_name, scope, count(*) AS records
    FROM (FROM quarantine UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS dismissed_at WHERE false)
    WHERE resolved_at IS NULL AND dismissed_at IS NULL
    GROUP BY table_name, scope
) AS waiting ON waiting.table_name = swept.table_name AND waiting.scope = swept.scope
ORDER BY swept.table_name, swept.scope;
