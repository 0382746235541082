-- All known drift, newest first. Instants are microseconds since 1970, UTC. In a store that has not been migrated yet
-- nothing is acknowledged.
-- takes:

SELECT table_name, kind, field, "count", sample, epoch_us(first_seen), epoch_us(last_seen), acknowledged_at IS NOT NULL
FROM (FROM schema_drift UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS acknowledged_at WHERE false)
ORDER BY last_seen DESC, table_name, kind, field;
