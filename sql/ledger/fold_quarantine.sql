-- Adds this run's quarantined records: a record that was seen before with the same content is updated and open again,
-- others are new. If a record's content has changed, the new content replaces the old one and keeps the time when the
-- record could first not be read.
-- takes: run_id, valid_from

CREATE OR REPLACE TEMP TABLE _hclake_seen AS
SELECT table_name, scope, "key", raw_hash, last(reason) AS reason,
       last(CASE WHEN json_valid(raw) THEN CAST(raw AS JSON) ELSE to_json(raw) END) AS raw,
       last(page) AS page, last(request_id) AS request_id
FROM _hclake_quarantine GROUP BY table_name, scope, "key", raw_hash;

UPDATE quarantine q
SET last_seen = {{valid_from}}, last_run_id = {{run_id}}, resolved_at = NULL,
    reason = n.reason, page = n.page, request_id = n.request_id
FROM _hclake_seen n
WHERE q.table_name = n.table_name AND q.scope = n.scope
  AND q.raw_hash = n.raw_hash AND q."key" IS NOT DISTINCT FROM n."key";

CREATE OR REPLACE TEMP TABLE _hclake_outdated AS
SELECT q.table_name, q.scope, q."key", min(q.first_seen) AS first_seen, min(q.first_run_id) AS first_run_id
FROM quarantine q
SEMI JOIN _hclake_seen n ON n.table_name = q.table_name AND n.scope = q.scope AND n."key" = q."key"
WHERE q.resolved_at IS NULL AND q.last_run_id < {{run_id}}
GROUP BY q.table_name, q.scope, q."key";

DELETE FROM quarantine q USING _hclake_outdated o
WHERE q.table_name = o.table_name AND q.scope = o.scope AND q."key" = o."key"
  AND q.resolved_at IS NULL AND q.last_run_id < {{run_id}};

INSERT INTO quarantine BY NAME
SELECT n.table_name, n.scope, n."key", n.raw_hash, n.reason, n.raw, n.page, n.request_id,
       coalesce(o.first_run_id, {{run_id}}) AS first_run_id, {{run_id}} AS last_run_id,
       coalesce(o.first_seen, {{valid_from}}) AS first_seen, {{valid_from}} AS last_seen
FROM _hclake_seen n
LEFT JOIN _hclake_outdated o ON o.table_name = n.table_name AND o.scope = n.scope AND o."key" = n."key"
WHERE NOT EXISTS (
    SELECT 1 FROM quarantine q
    WHERE q.table_name = n.table_name AND q.scope = n.scope
      AND q.raw_hash = n.raw_hash AND q."key" IS NOT DISTINCT FROM n."key"
)
ORDER BY n.table_name, n.scope, n."key", n.raw_hash;
