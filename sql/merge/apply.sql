-- Turns the differences into current and history: closed versions are copied to history, then taken out of the
-- current table, then new versions go in as they were read.
-- A record that has been here before keeps the instant it was first seen.
-- takes: table, history, stage, columns, known_columns, known_columns_of_staged, columns_of_current, keys_of_staged, keys_of_history, key_names, run_id, valid_from

INSERT INTO {{history}} (
    _scope, _region, _project, {{columns}}, _hash, _first_seen, _valid_from, _run_id,
    _valid_to, _closed_by, _closed_run_id
)
SELECT c._scope, c._region, c._project, {{columns_of_current}}, c._hash, c._first_seen, c._valid_from, c._run_id,
       d._closed_at, d._change, {{run_id}}
FROM {{table}} c JOIN _hclake_diff d ON d._current = c.rowid;

DELETE FROM {{table}} WHERE rowid IN (SELECT _current FROM _hclake_diff WHERE _current IS NOT NULL);

INSERT INTO {{table}} (_scope, _region, _project, {{known_columns}}, _hash, _first_seen, _valid_from, _run_id)
WITH _hclake_come AS (
    SELECT s.rowid AS _staged, s._sweep, {{keys_of_staged}}
    FROM {{stage}} s JOIN _hclake_diff d ON d._staged = s.rowid WHERE d._change = 'new'
),
_hclake_past AS (
    SELECT w.sweep AS _sweep, h._first_seen, {{keys_of_history}}
    FROM {{history}} h JOIN _hclake_sweeps w ON w.scope = h._scope
),
_hclake_returned AS (
    SELECT s._staged, min(h._first_seen) AS _first_seen
    FROM _hclake_come s JOIN _hclake_past h USING (_sweep, {{key_names}}) GROUP BY s._staged
)
SELECT w.scope, w.region, w.project, {{known_columns_of_staged}}, s._hash,
       coalesce(d._first_seen, r._first_seen, {{valid_from}}), {{valid_from}}, {{run_id}}
FROM {{stage}} s
JOIN _hclake_diff d ON d._staged = s.rowid
JOIN _hclake_sweeps w ON w.sweep = s._sweep
LEFT JOIN _hclake_returned r ON r._staged = s.rowid;
