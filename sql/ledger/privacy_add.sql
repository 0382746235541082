-- From this run on, the personal data of a table is treated otherwise. Bound: run, table, personal, unknown, fingerprint.
-- takes:

INSERT INTO privacy (since_run_id, table_name, personal, unknown, key_fingerprint) VALUES ($1, $2, $3, $4, $5);
