-- Marks the runs that the folder already holds as published, and adds this run as pending. If the folder holds no run,
-- published_run_id is NULL.
-- takes: run_id, target, published_run_id

UPDATE outbox SET settled_by = {{run_id}}
WHERE target = {{target}} AND settled_by IS NULL AND run_id <= {{published_run_id}};
INSERT INTO outbox (run_id, target) VALUES ({{run_id}}, {{target}});
