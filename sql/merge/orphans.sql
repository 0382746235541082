-- Closes the open records whose parent is gone: their parent's table has been read completely in this run, was merged,
-- and no longer has it. Returns how many there were in each scope.
-- takes: table, table_text, history, parent_table, parent_table_text, parent_values, parent_of_current, columns, columns_of_current, run_id, valid_from

CREATE OR REPLACE TEMP TABLE _hclake_orphans AS
WITH _hclake_parents AS (SELECT p._region, p._project, {{parent_values}} AS _parent FROM {{parent_table}} p),
     _hclake_read AS (
         SELECT region AS _region, project AS _project FROM sweeps
         WHERE run_id = {{run_id}} AND table_name = {{parent_table_text}}
         GROUP BY region, project HAVING bool_and(verdict = 'complete')
     )
SELECT c.rowid AS _current, c._scope
FROM {{table}} c SEMI JOIN _hclake_read r ON r._region = c._region AND r._project = c._project
ANTI JOIN _hclake_parents p ON p._region = c._region AND p._project = c._project AND p._parent = {{parent_of_current}};

INSERT INTO {{history}} (
    _scope, _region, _project, {{columns}}, _hash, _first_seen, _valid_from, _run_id,
    _valid_to, _closed_by, _closed_run_id
)
SELECT c._scope, c._region, c._project, {{columns_of_current}}, c._hash, c._first_seen, c._valid_from, c._run_id,
       {{valid_from}}, 'gone', {{run_id}}
FROM {{table}} c JOIN _hclake_orphans o ON o._current = c.rowid
WHERE c._valid_from < {{valid_from}};

DELETE FROM {{table}} WHERE rowid IN (SELECT _current FROM _hclake_orphans) AND _valid_from < {{valid_from}};

UPDATE sweeps SET gone = gone + o.n
FROM (SELECT _scope, count(*) AS n FROM _hclake_orphans GROUP BY _scope) o
WHERE sweeps.run_id = {{run_id}} AND sweeps.table_name = {{table_text}} AND sweeps.scope = o._scope;
