-- Keeps one staged row for each key of a sweep: the one updated last, else the one read last.
-- Rows that were read more than once stay in _hclake_duplicates to be counted; _rank 1 is the row that was kept.
-- Keys that may be duplicates are found by their hash, which is twice as fast; the window compares the keys.
-- takes: stage, keys_of_staged, key_names, updated_of_staged

CREATE OR REPLACE TEMP TABLE _hclake_duplicates AS
WITH _hclake_keyed AS (
    SELECT s._row, s._sweep, s._seq, s._hash, {{updated_of_staged}} AS _updated, {{keys_of_staged}}
    FROM {{stage}} s SEMI JOIN _hclake_sweeps w ON w.sweep = s._sweep
),
_hclake_suspects AS (
    SELECT _sweep AS _suspect_sweep, hash({{key_names}}) AS _suspect
    FROM _hclake_keyed GROUP BY _suspect_sweep, _suspect HAVING count(*) > 1
)
SELECT _row, _sweep, _hash, row_number() OVER latest AS _rank, first_value(_hash) OVER latest AS _kept_hash
FROM _hclake_keyed SEMI JOIN _hclake_suspects ON _suspect_sweep = _sweep AND _suspect = hash({{key_names}})
WINDOW latest AS (PARTITION BY _sweep, {{key_names}} ORDER BY _updated DESC NULLS LAST, _seq DESC);

DELETE FROM {{stage}} WHERE _row IN (SELECT _row FROM _hclake_duplicates WHERE _rank > 1);
