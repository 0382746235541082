-- Closes the open records whose parent is gone, in the scopes that this run has read: their parent's table has been read
-- completely in this run, was merged, and no longer has it. Then forgets how far the records of such a parent were read,
-- so that all of them are asked for if it comes back.
-- takes: table, table_text, history, parent_table, parent_table_text, parent_values, parent_of_current, columns, columns_of_current, run_id, valid_from

CREATE OR REPLACE TEMP TABLE _hclake_parents AS
SELECT p._region, p._project, {{parent_values}} AS _parent FROM {{parent_table}} p;

CREATE OR REPLACE TEMP TABLE _hclake_read AS
WITH _hclake_complete_parents AS (
    SELECT region AS _region, project AS _project FROM sweeps
    WHERE run_id = {{run_id}} AND table_name = {{parent_table_text}}
    GROUP BY region, project HAVING bool_and(verdict = 'complete')
)
SELECT s.scope AS _scope, s.region AS _region, s.project AS _project
FROM sweeps s SEMI JOIN _hclake_complete_parents p ON p._region = s.region AND p._project = s.project
WHERE s.run_id = {{run_id}} AND s.table_name = {{table_text}};

CREATE OR REPLACE TEMP TABLE _hclake_orphans AS
SELECT c.rowid AS _current, c._scope
FROM {{table}} c SEMI JOIN _hclake_read r ON r._scope = c._scope
ANTI JOIN _hclake_parents p ON p._region = c._region AND p._project = c._project AND p._parent = {{parent_of_current}}
WHERE c._valid_from < {{valid_from}};

INSERT INTO {{history}} (
    _scope, _region, _project, {{columns}}, _hash, _first_seen, _valid_from, _run_id,
    _valid_to, _closed_by, _closed_run_id
)
SELECT c._scope, c._region, c._project, {{columns_of_current}}, c._hash, c._first_seen, c._valid_from, c._run_id,
       {{valid_from}}, 'gone', {{run_id}}
FROM {{table}} c JOIN _hclake_orphans o ON o._current = c.rowid;

DELETE FROM {{table}} WHERE rowid IN (SELECT _current FROM _hclake_orphans);

DELETE FROM last_complete WHERE rowid IN (
    SELECT l.rowid
    FROM last_complete l JOIN _hclake_read r ON r._scope = l.scope
    ANTI JOIN _hclake_parents p ON p._region = r._region AND p._project = r._project AND p._parent = l.parent
    WHERE l.table_name = {{table_text}}
);
