-- Versions that some runs opened, up to one run, that only the store or only the dataset has, and that are open at a run that both know: how
-- many only the store has, how many only the dataset has, and the first and last run whose as-of result they change.
-- A run that was pruned is known to the dataset alone. Versions are counted by their hash, which takes less memory than the versions.
-- takes: both, hashed, runs, last_run_id, since_us

WITH _hclake_both AS NOT MATERIALIZED ({{both}}),
_hclake_hashed AS (
    SELECT _hclake_stored, _scope, _hash, _valid_from, _hclake_ended_us, hash({{hashed}}) AS _hclake_row
    FROM _hclake_both
    WHERE _run_id IN ({{runs}})
),
_hclake_uneven AS (
    SELECT _hclake_row, count(*) FILTER (_hclake_stored) > count(*) FILTER (NOT _hclake_stored) AS _hclake_stored
    FROM _hclake_hashed
    GROUP BY _hclake_row
    HAVING count(*) FILTER (_hclake_stored) <> count(*) FILTER (NOT _hclake_stored)
),
_hclake_altering AS (
    SELECT d._hclake_stored, d._scope, d._hash, d._valid_from, min(r.run_id) AS _first, max(r.run_id) AS _last
    FROM (SELECT h.* FROM _hclake_hashed h SEMI JOIN _hclake_uneven u USING (_hclake_row, _hclake_stored)) d
    JOIN (FROM runs UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS pruned_at WHERE false) r
      ON r.pruned_at IS NULL
     AND epoch_us(r.started_at) >= epoch_us(d._valid_from)
     AND (d._hclake_ended_us IS NULL OR epoch_us(r.started_at) < d._hclake_ended_us)
    WHERE r.run_id <= {{last_run_id}} AND epoch_us(r.started_at) >= {{since_us}}
    GROUP BY ALL
)
SELECT count(*) FILTER (_hclake_stored), count(*) FILTER (NOT _hclake_stored), min(_first), max(_last)
FROM _hclake_altering;
