-- The versions that the runs from first to last closed, run by run, and by scope and key.
-- takes: history, columns, key_order, first_run_id, last_run_id

SELECT {{columns}}, v._valid_to, v._closed_by, v._closed_run_id
FROM {{history}} v
WHERE v._closed_run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
ORDER BY v._closed_run_id, v._scope, {{key_order}};
