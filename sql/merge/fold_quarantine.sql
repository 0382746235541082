-- Adds this run's quarantined records: one seen before is brought up to date and is open again, others are new.
-- takes: run_id, valid_from

CREATE OR REPLACE TEMP TABLE _hclake_seen AS
SELECT table_name, scope, coalesce("key", ['#', CAST(raw_hash AS VARCHAR)]) AS identity,
       last("key") AS "key", last(raw_hash) AS raw_hash, last(reason) AS reason,
       last(CASE WHEN json_valid(raw) THEN CAST(raw AS JSON) ELSE to_json(raw) END) AS raw,
       last(page) AS page, last(request_id) AS request_id
FROM _hclake_quarantine GROUP BY table_name, scope, identity;

UPDATE quarantine q
SET last_seen = {{valid_from}}, last_run_id = {{run_id}}, resolved_at = NULL,
    reason = n.reason, page = n.page, request_id = n.request_id
FROM _hclake_seen n
WHERE q.table_name = n.table_name AND q.scope = n.scope
  AND coalesce(q."key", ['#', CAST(q.raw_hash AS VARCHAR)]) = n.identity;

UPDATE quarantine q SET raw_hash = n.raw_hash, raw = n.raw
FROM _hclake_seen n
WHERE q.table_name = n.table_name AND q.scope = n.scope AND q.raw_hash <> n.raw_hash
  AND coalesce(q."key", ['#', CAST(q.raw_hash AS VARCHAR)]) = n.identity;

INSERT INTO quarantine
SELECT n.table_name, n.scope, n."key", n.raw_hash, n.reason, n.raw, n.page, n.request_id,
       {{run_id}}, {{run_id}}, {{valid_from}}, {{valid_from}}, NULL
FROM _hclake_seen n
WHERE NOT EXISTS (
    SELECT 1 FROM quarantine q
    WHERE q.table_name = n.table_name AND q.scope = n.scope
      AND coalesce(q."key", ['#', CAST(q.raw_hash AS VARCHAR)]) = n.identity
)
ORDER BY n.table_name, n.scope, n.identity;
