-- A hash of each row, with the run that it belongs to. For differing_runs.sql.
-- takes: both, hashed, run

SELECT _hclake_stored, {{run}} AS _hclake_run, hash({{hashed}}) AS _hclake_row FROM ({{both}})
