-- The newest runs, newest first, with totals of their sweeps: at most as many as are bound as $1.
-- A retry of quarantined records reads no page and leaves no list incomplete.
-- Instants are microseconds since 1970, UTC.
-- takes:

SELECT
    runs.run_id,
    epoch_us(runs.started_at),
    epoch_us(runs.ended_at),
    runs.outcome,
    runs.version,
    count(sweeps.run_id),
    count(sweeps.run_id) FILTER (sweeps.verdict = 'failed' OR sweeps.verdict = 'unproved' AND sweeps.pages > 0),
    coalesce(sum(sweeps.rows_read), 0)::BIGINT,
    coalesce(sum(sweeps."new" + sweeps.changed + sweeps.gone), 0)::BIGINT
FROM runs LEFT JOIN sweeps ON sweeps.run_id = runs.run_id
GROUP BY runs.run_id, runs.started_at, runs.ended_at, runs.outcome, runs.version
ORDER BY runs.run_id DESC
LIMIT $1;
