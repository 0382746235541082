-- The versions that one run closed, by scope and key.
-- takes: history, columns, key_order, run_id

SELECT {{columns}}, v._valid_to, v._closed_by, v._closed_run_id
FROM {{history}} v
WHERE v._closed_run_id = {{run_id}}
ORDER BY v._scope, {{key_order}};
