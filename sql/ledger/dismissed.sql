-- Hashes of the contents of a list's dismissed records. Table and scope are bound as $1, $2.
-- takes:

SELECT DISTINCT raw_hash FROM quarantine WHERE table_name = $1 AND scope = $2 AND dismissed_at IS NOT NULL;
