-- Quarantined records that wait for a good copy and were not dismissed, newest first. An id identifies one content of
-- a record while it is in quarantine. A store that has not been migrated yet has no dismissals.
-- is_listed: the newest stored sweep of its list still showed it. A retry reads no page and does not count as a sweep.

SELECT
    left(md5(concat_ws(chr(31), q.table_name, q.scope, to_json(q."key")::VARCHAR, q.raw_hash::VARCHAR)), 10) AS id,
    q.table_name,
    q.scope,
    q."key"::VARCHAR AS "key",
    q.reason,
    epoch_us(q.first_seen) AS first_seen_us,
    epoch_us(q.last_seen) AS last_seen_us,
    if(json_type(q.raw) = 'VARCHAR', q.raw ->> '$', q.raw::VARCHAR) AS raw,
    q.request_id,
    q.last_run_id IS NOT DISTINCT FROM (
        SELECT max(s.run_id) FROM sweeps s
        WHERE s.table_name = q.table_name AND s.scope = q.scope AND s.verdict <> 'failed' AND s.pages > 0
    ) AS is_listed,
    to_json(q."key")::VARCHAR AS key_parts,
    q.raw_hash
FROM (FROM quarantine UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS dismissed_at WHERE false) q
WHERE q.resolved_at IS NULL AND q.dismissed_at IS NULL
ORDER BY q.last_seen DESC, q.table_name, q.scope, "key", id;
