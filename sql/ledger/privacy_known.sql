-- What was last done with the personal data of each table.
-- takes:

SELECT table_name, personal, unknown, key_fingerprint FROM privacy
QUALIFY row_number() OVER (PARTITION BY table_name ORDER BY since_run_id DESC) = 1;
