-- The versions that the runs from first to last closed.
-- takes: history, columns, first_run_id, last_run_id

SELECT {{columns}}, v._valid_to, v._closed_by, v._closed_run_id
FROM {{history}} v
WHERE v._closed_run_id BETWEEN {{first_run_id}} AND {{last_run_id}};
