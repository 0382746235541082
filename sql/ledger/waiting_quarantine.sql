-- How many quarantined records of a table wait for a good copy.
-- takes: table_text

SELECT count(*) FROM quarantine WHERE table_name = {{table_text}} AND resolved_at IS NULL AND "key" IS NOT NULL;
