-- A table of the ledger, up to one run.
-- takes: table, columns, last_run_id

SELECT {{columns}}
FROM {{table}} v
WHERE v.run_id <= {{last_run_id}};
