-- Removes from the ledger what belongs to runs that are no longer answered. The runs stay, marked. What is still waited
-- for stays too: gone_candidates, records in quarantine, drift that nobody acknowledged, publishings that are owed.
-- Between two answered runs the newest sweep of each list stays, and its newest reading and its newest complete one, if
-- the later run did not sweep the list itself: they say how fresh the list was then. The records that a removed sweep has
-- opened and closed are added to the next one that stays, so that the sums up to each answered run are as before.
-- takes: pruned_at

CREATE OR REPLACE TEMP TABLE _hclake_swept AS
WITH _hclake_known AS (
    SELECT
        s.rowid AS _row, s.run_id, s.table_name, s.scope, f.is_answered, f.next_run_id,
        s.pages > 0 OR s.verdict = 'failed' AS _is_reading,
        s.verdict = 'complete' AS _is_complete,
        CASE WHEN s.verdict <> 'failed' THEN s."new" - s.gone END AS _counted,
        s.records_before AS _before
    FROM sweeps s JOIN _hclake_fate f ON f.run_id = s.run_id
),
_hclake_judged AS (
    SELECT
        *,
        is_answered
        OR row_number() OVER (PARTITION BY table_name, scope, next_run_id ORDER BY run_id DESC, _row DESC) = 1
        OR (_is_reading AND row_number() OVER (
            PARTITION BY table_name, scope, next_run_id, _is_reading ORDER BY run_id DESC, _row DESC) = 1)
        OR (_is_complete AND row_number() OVER (
            PARTITION BY table_name, scope, next_run_id, _is_complete ORDER BY run_id DESC, _row DESC) = 1) AS _stays
    FROM _hclake_known
)
SELECT
    _row,
    _stays,
    CASE WHEN _counted IS NOT NULL OR _before IS NOT NULL THEN coalesce(_counted, 0) + coalesce(_before, 0) END AS _records,
    first_value(CASE WHEN _stays THEN _row END IGNORE NULLS) OVER (
        PARTITION BY table_name, scope ORDER BY run_id, _row ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
    ) AS _next_row
FROM _hclake_judged;

UPDATE sweeps s SET records_before = coalesce(s.records_before, 0) + n.records
FROM (
    SELECT _next_row, CAST(sum(_records) AS BIGINT) AS records
    FROM _hclake_swept
    WHERE NOT _stays AND _records IS NOT NULL
    GROUP BY _next_row
) n
WHERE s.rowid = n._next_row;

DELETE FROM sweeps WHERE rowid IN (SELECT _row FROM _hclake_swept WHERE NOT _stays);

DELETE FROM requests WHERE run_id IN (SELECT run_id FROM _hclake_fate WHERE NOT is_answered);

DELETE FROM quarantine q USING _hclake_fate f, _hclake_fate l
WHERE f.started_at = q.first_seen AND l.run_id = q.last_run_id AND NOT l.is_answered
    AND f.next_at >= least(q.resolved_at, q.dismissed_at);

DELETE FROM schema_drift d USING _hclake_fate f
WHERE f.started_at = d.last_seen AND NOT f.is_answered AND d.acknowledged_at IS NOT NULL;

DELETE FROM outbox o USING _hclake_fate f
WHERE f.run_id = o.run_id AND NOT f.is_answered AND o.settled_by IS NOT NULL;

UPDATE runs r SET pruned_at = {{pruned_at}}
FROM _hclake_fate f WHERE f.run_id = r.run_id AND f.was_answered AND NOT f.is_answered;
