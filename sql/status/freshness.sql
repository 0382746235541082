-- Each list that was ever swept: the result of its newest sweep, its newest complete sweep, the records that are open in
-- the store, and those that wait in quarantine. A retry of quarantined records reads no page and does not count as a
-- sweep, but the records that it stores count. A store that has not been
-- migrated yet has no dismissals, and nothing was pruned from it. The records of sweeps that pruning removed are in
-- records_before of the next sweep that stays: counting the records themselves would read every table of the store, and
-- could not say how many there were as of an earlier run. Only runs that started by the instant bound as $1 count, or all runs if it is NULL.
-- Instants are microseconds since 1970, UTC; NULL if no sweep was complete.
-- takes:

SELECT
    swept.table_name,
    swept.scope,
    swept.verdict,
    swept.asked_us,
    swept.complete_us,
    held.records,
    coalesce(waiting.records, 0),
    swept.asked_run,
    swept.held_back
FROM (
    SELECT
        sweeps.table_name,
        sweeps.scope,
        arg_max(sweeps.verdict, sweeps.run_id) AS verdict,
        max(epoch_us(sweeps.started_at)) AS asked_us,
        max(epoch_us(sweeps.started_at)) FILTER (sweeps.verdict = 'complete') AS complete_us,
        max(sweeps.run_id) AS asked_run,
        arg_max(sweeps.held_back, sweeps.run_id) AS held_back
    FROM sweeps JOIN runs ON runs.run_id = sweeps.run_id
    WHERE (sweeps.pages > 0 OR sweeps.verdict = 'failed')
        AND ($1::BIGINT IS NULL OR epoch_us(runs.started_at) <= $1::BIGINT)
    GROUP BY sweeps.table_name, sweeps.scope
) AS swept
LEFT JOIN (
    SELECT
        sweeps.table_name,
        sweeps.scope,
        CAST(sum(
            CASE WHEN sweeps.verdict = 'failed' THEN 0 ELSE sweeps."new" - sweeps.gone END
            + coalesce(sweeps.records_before, 0)
        ) AS BIGINT) AS records
    FROM (FROM sweeps UNION ALL BY NAME SELECT CAST(NULL AS BIGINT) AS records_before WHERE false) AS sweeps
    JOIN runs ON runs.run_id = sweeps.run_id
    WHERE (sweeps.verdict <> 'failed' OR sweeps.records_before IS NOT NULL)
        AND ($1::BIGINT IS NULL OR epoch_us(runs.started_at) <= $1::BIGINT)
    GROUP BY sweeps.table_name, sweeps.scope
) AS held ON held.table_name = swept.table_name AND held.scope = swept.scope
LEFT JOIN (
    SELECT table_name, scope, count(*) AS records
    FROM (FROM quarantine UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS dismissed_at WHERE false)
    WHERE resolved_at IS NULL AND dismissed_at IS NULL
    GROUP BY table_name, scope
) AS waiting ON waiting.table_name = swept.table_name AND waiting.scope = swept.scope
ORDER BY swept.table_name, swept.scope;
