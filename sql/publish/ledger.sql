-- A table of the ledger, up to one run.
-- takes: table, columns, key_order, last_run_id

SELECT {{columns}}
FROM {{table}} v
WHERE v.run_id <= {{last_run_id}}
ORDER BY {{key_order}};
