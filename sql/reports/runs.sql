-- title: Which runs were there, and how did each list end?
-- group: runs
-- about: The runs that started in the range, newest first, with a row for each sweep; without since, the newest 20.
-- needs: runs, sweeps
-- takes: since, until
-- note: Only a sweep whose verdict is complete may have declared records gone; proof says how it was proved complete.
-- note: A run without sweeps shows one row, its sweep columns empty.

WITH
chosen AS (
    SELECT run_id, started_at, ended_at, outcome
    FROM runs
    WHERE (CAST($since AS TIMESTAMPTZ) IS NULL OR started_at >= CAST($since AS TIMESTAMPTZ))
        AND (CAST($until AS TIMESTAMPTZ) IS NULL OR started_at < CAST($until AS TIMESTAMPTZ))
    QUALIFY CAST($since AS TIMESTAMPTZ) IS NOT NULL OR row_number() OVER (ORDER BY run_id DESC) <= 20
)
SELECT
    chosen.*,
    sweeps.table_name,
    sweeps.scope,
    sweeps.verdict,
    sweeps.proof,
    sweeps.rows_read,
    sweeps."new",
    sweeps.changed,
    sweeps.gone,
    sweeps.quarantined
FROM chosen LEFT JOIN sweeps ON sweeps.run_id = chosen.run_id
ORDER BY chosen.run_id DESC, sweeps.table_name, sweeps.scope
