-- Moves closed versions to history: copies them, then deletes them from the current table. Then lists the versions to
-- open, in the order in which they were read. A record that returns keeps the instant when it was first seen.
-- takes: table, history, stage, same_parent_of_history, columns, columns_of_current, keys_of_staged, keys_of_history, key_names, run_id, valid_from

INSERT INTO {{history}} (
    _scope, _region, _project, {{columns}}, _hash, _first_seen, _valid_from, _run_id,
    _valid_to, _closed_by, _closed_run_id
)
SELECT c._scope, c._region, c._project, {{columns_of_current}}, c._hash, c._first_seen, c._valid_from, c._run_id,
       d._closed_at, d._change, {{run_id}}
FROM {{table}} c JOIN _hclake_diff d ON d._current = c.rowid;

DELETE FROM {{table}} WHERE rowid IN (SELECT _current FROM _hclake_diff WHERE _current IS NOT NULL);

CREATE OR REPLACE TEMP TABLE _hclake_opening AS
WITH _hclake_new AS (
    SELECT s._row, s._sweep, {{keys_of_staged}}
    FROM {{stage}} s JOIN _hclake_diff d ON d._staged = s._row WHERE d._change = 'new'
),
_hclake_past AS (
    SELECT w.sweep AS _sweep, h._first_seen, {{keys_of_history}}
    FROM {{history}} h JOIN _hclake_sweeps w ON w.scope = h._scope AND {{same_parent_of_history}}
),
_hclake_returned AS (
    SELECT s._row, min(h._first_seen) AS _first_seen
    FROM _hclake_new s JOIN _hclake_past h USING (_sweep, {{key_names}}) GROUP BY s._row
)
SELECT d._staged AS _row, coalesce(d._first_seen, r._first_seen, {{valid_from}}) AS _first_seen
FROM _hclake_diff d LEFT JOIN _hclake_returned r ON r._row = d._staged
WHERE d._staged IS NOT NULL
ORDER BY _row;
