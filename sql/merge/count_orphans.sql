-- Adds the records that were closed without a parent to the counts of this run's sweeps. Returns the scope and how many
-- of its records are gone in all.
-- takes: table_text, run_id

UPDATE sweeps SET gone = gone + o.n
FROM (SELECT _scope, count(*) AS n FROM _hclake_orphans GROUP BY _scope) o
WHERE sweeps.run_id = {{run_id}} AND sweeps.table_name = {{table_text}} AND sweeps.scope = o._scope
RETURNING sweeps.scope, sweeps.gone;
