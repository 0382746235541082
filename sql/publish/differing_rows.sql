-- Of some runs, how many rows only the store has, and how many only the dataset has. Rows are counted by their hash,
-- which takes less memory than the rows.
-- takes: both, hashed, run, runs

WITH _hclake_both AS NOT MATERIALIZED ({{both}}),
_hclake_hashed AS NOT MATERIALIZED (
    SELECT _hclake_stored, hash({{hashed}}) AS _hclake_row FROM _hclake_both WHERE {{run}} IN ({{runs}})
),
_hclake_counted AS (
    SELECT count(*) FILTER (_hclake_stored) - count(*) FILTER (NOT _hclake_stored) AS _hclake_more
    FROM _hclake_hashed GROUP BY _hclake_row
)
SELECT CAST(coalesce(sum(greatest(_hclake_more, 0)), 0) AS BIGINT),
       CAST(coalesce(sum(greatest(-_hclake_more, 0)), 0) AS BIGINT)
FROM _hclake_counted;
