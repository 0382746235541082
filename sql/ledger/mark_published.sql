-- Settles what the folder was found to hold, and adds what this run owes to it. No run is NULL where it holds none.
-- takes: run_id, target, published_run_id

UPDATE outbox SET settled_by = {{run_id}}
WHERE target = {{target}} AND settled_by IS NULL AND run_id <= {{published_run_id}};
INSERT INTO outbox (run_id, target) VALUES ({{run_id}}, {{target}});
