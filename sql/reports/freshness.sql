-- title: How fresh and complete is each list?
-- group: runs
-- about: Each list that was ever read: what its newest reading proved, in plain words, how old the newest complete one is,
--   how many records it has in the store, and what waits. The lists that need attention come first.
-- needs: runs, sweeps, quarantine
-- takes: as_of, now, scope
-- wide: proof, run, held_back, unconfirmed

WITH
-- A store that has not been migrated yet lacks the last columns. records_before is what pruned sweeps had counted.
swept_ever AS (
    FROM sweeps
    UNION ALL BY NAME
    SELECT CAST(NULL AS BIGINT) AS unconfirmed, CAST(NULL AS BIGINT) AS records_before WHERE false
),
swept AS (
    SELECT
        sweeps.table_name,
        sweeps.scope,
        arg_max(sweeps.verdict, sweeps.run_id) AS verdict,
        arg_max(sweeps.proof, sweeps.run_id) AS proof,
        max(sweeps.started_at) AS asked_at,
        max(sweeps.started_at) FILTER (sweeps.verdict = 'complete') AS complete_at,
        max(sweeps.run_id) AS run,
        bool_and(sweeps.verdict = 'failed' AND sweeps.records_before IS NULL) AS was_never_read,
        arg_max(sweeps.held_back, sweeps.run_id) AS held_back,
        arg_max(sweeps.unconfirmed, sweeps.run_id) AS unconfirmed
    FROM swept_ever AS sweeps
    JOIN runs ON runs.run_id = sweeps.run_id
    WHERE (sweeps.pages > 0 OR sweeps.verdict = 'failed') AND runs.started_at <= CAST($as_of AS TIMESTAMPTZ)
        AND matches(sweeps.scope, CAST($scope AS VARCHAR))
    GROUP BY sweeps.table_name, sweeps.scope
),
held AS (
    SELECT
        sweeps.table_name,
        sweeps.scope,
        CAST(sum(
            CASE WHEN sweeps.verdict = 'failed' THEN 0 ELSE sweeps."new" - sweeps.gone END
            + coalesce(sweeps.records_before, 0)
        ) AS BIGINT) AS records
    FROM swept_ever AS sweeps JOIN runs ON runs.run_id = sweeps.run_id
    WHERE (sweeps.verdict <> 'failed' OR sweeps.records_before IS NOT NULL)
        AND runs.started_at <= CAST($as_of AS TIMESTAMPTZ)
    GROUP BY sweeps.table_name, sweeps.scope
),
waiting AS (
    SELECT table_name, scope, count(*) AS records
    FROM (FROM quarantine UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS dismissed_at WHERE false)
    WHERE first_seen <= CAST($as_of AS TIMESTAMPTZ)
        AND (resolved_at IS NULL OR resolved_at > CAST($as_of AS TIMESTAMPTZ))
        AND (dismissed_at IS NULL OR dismissed_at > CAST($as_of AS TIMESTAMPTZ))
    GROUP BY table_name, scope
),
aged AS (
    SELECT
        swept.*,
        held.records,
        coalesce(waiting.records, 0) AS unreadable,
        CASE WHEN swept.complete_at IS NOT NULL
            THEN greatest(0, round((epoch_us(CAST($now AS TIMESTAMPTZ)) - epoch_us(swept.complete_at)) / 3.6e9, 1))
        END AS complete_age_h,
        newest_reading($as_of) AS newest_run
    FROM swept
    LEFT JOIN held ON held.table_name = swept.table_name AND held.scope = swept.scope
    LEFT JOIN waiting ON waiting.table_name = swept.table_name AND waiting.scope = swept.scope
)
SELECT
    table_name,
    scope,
    CASE
        WHEN was_never_read THEN 'could not be read; never was'
        WHEN verdict = 'failed' THEN 'could not be read; shown as it was before'
        WHEN complete_at IS NULL THEN 'read, but never proved complete'
        WHEN verdict = 'unproved' THEN 'read, but not proved complete'
        WHEN held_back > 0 THEN 'read; too many records vanished at once, they are still shown'
        WHEN run < newest_run THEN 'not asked for in the newest run'
        ELSE 'read to the end'
    END AS state,
    complete_at AS last_complete,
    complete_age_h,
    records,
    unreadable,
    proof,
    run,
    held_back,
    unconfirmed
FROM aged
ORDER BY verdict = 'complete' AND held_back = 0 AND run = newest_run, complete_at NULLS FIRST, table_name, scope
