-- The differences between the staged sweeps and the records open in their scopes, one row each: the row on both sides,
-- whether the record is new, changed or gone, and when a closed version ends.
-- A record that was not shown is gone only if the sweep could have listed it.
-- Then removes the records that only look gone because they could not be read.
-- takes: table, stage, same_parent, within_reach, keys_of_staged, keys_of_current, key_names, key_texts, valid_from

CREATE OR REPLACE TEMP TABLE _hclake_diff AS
WITH _hclake_staged AS (
    SELECT s._row AS _staged, s._sweep, s._hash, {{keys_of_staged}}
    FROM {{stage}} s SEMI JOIN _hclake_sweeps w ON w.sweep = s._sweep
),
_hclake_held AS (
    SELECT c.rowid AS _current, w.sweep AS _sweep, c._hash, c._first_seen,
           {{within_reach}} AS _within, {{keys_of_current}}
    FROM {{table}} c JOIN _hclake_sweeps w ON w.scope = c._scope AND {{same_parent}}
)
SELECT _sweep, s._staged, c._current, c._first_seen,
       CASE WHEN c._current IS NULL THEN 'new' WHEN s._staged IS NULL THEN 'gone' ELSE 'changed' END AS _change,
       {{valid_from}} AS _closed_at
FROM _hclake_staged s FULL JOIN _hclake_held c USING (_sweep, {{key_names}})
WHERE s._hash IS DISTINCT FROM c._hash AND (s._staged IS NOT NULL OR c._within);

DELETE FROM _hclake_diff WHERE _change = 'gone' AND _current IN (
    SELECT _current
    FROM (SELECT d._current, d._sweep, {{keys_of_current}}
          FROM {{table}} c JOIN _hclake_diff d ON d._current = c.rowid
          WHERE d._change = 'gone') missing
    JOIN _hclake_protected p ON p.sweep = _sweep AND p."key" = {{key_texts}}
);
