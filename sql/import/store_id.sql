-- Gives a new store the id of the one whose rows it holds.
-- takes: store_id

UPDATE store_identity SET store_id = {{store_id}};
