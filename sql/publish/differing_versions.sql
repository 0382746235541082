-- Versions that the dataset and the store do not have alike, up to one run, and open at a run that both know:
-- how many only the store has, how many only the dataset has, and the first and last run whose as-of they alter.
-- An instant's end is left out where a later run of the store has closed the version since.
-- takes: current_files, history_files, versions, columns, last_run_id, since_us

WITH _hclake_published AS (
    SELECT {{columns}}, NULL AS _ended_us FROM read_parquet({{current_files}}, union_by_name = true, hive_partitioning = false) v
    {{history_files}}
),
_hclake_stored AS (
    SELECT {{columns}}, CASE WHEN v._closed_run_id <= {{last_run_id}} THEN epoch_us(v._valid_to) END AS _ended_us
    FROM {{versions}} v
    WHERE v._run_id <= {{last_run_id}}
),
_hclake_differing AS (
    SELECT 'store' AS _side, * FROM (SELECT * FROM _hclake_stored EXCEPT ALL SELECT * FROM _hclake_published)
    UNION ALL
    SELECT 'dataset' AS _side, * FROM (SELECT * FROM _hclake_published EXCEPT ALL SELECT * FROM _hclake_stored)
),
_hclake_altering AS (
    SELECT d._side, d._scope, d._hash, d._valid_from, min(r.run_id) AS _first, max(r.run_id) AS _last
    FROM _hclake_differing d
    JOIN runs r
      ON epoch_us(r.started_at) >= epoch_us(d._valid_from)
     AND (d._ended_us IS NULL OR epoch_us(r.started_at) < d._ended_us)
    WHERE r.run_id <= {{last_run_id}} AND epoch_us(r.started_at) >= {{since_us}}
    GROUP BY ALL
)
SELECT count(*) FILTER (_side = 'store'), count(*) FILTER (_side = 'dataset'), min(_first), max(_last) FROM _hclake_altering;
