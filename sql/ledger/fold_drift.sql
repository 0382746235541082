-- Adds this run's drift: known drift is updated, other drift is new. If a table has too many unknown members, new ones
-- are counted together under one name. Acknowledged drift stays so until it changes: an unknown member until its
-- values have another form, a vanished member or a changed type until a listing no longer shows that drift.
-- takes: run_id, valid_from, fields_max, others

UPDATE _hclake_drift n SET field = {{others}}, form = NULL
WHERE n.kind = 'unknown'
  AND NOT EXISTS (
      SELECT 1 FROM schema_drift d WHERE d.table_name = n.table_name AND d.kind = 'unknown' AND d.field = n.field
  )
  AND (
      SELECT count(*) FROM schema_drift d WHERE d.table_name = n.table_name AND d.kind = 'unknown'
  ) >= {{fields_max}};

CREATE OR REPLACE TEMP TABLE _hclake_seen AS
SELECT table_name, field, kind, CAST(sum("count") AS BIGINT) AS "count", last(sample) AS sample, last(form) AS form
FROM _hclake_drift GROUP BY table_name, field, kind;

UPDATE schema_drift d
SET last_seen = {{valid_from}}, "count" = d."count" + n."count", sample = coalesce(n.sample, d.sample),
    form = coalesce(n.form, d.form),
    acknowledged_at = CASE WHEN d.form = n.form OR d.form IS NULL OR n.form IS NULL THEN d.acknowledged_at END
FROM _hclake_seen n
WHERE d.table_name = n.table_name AND d.field = n.field AND d.kind = n.kind;

UPDATE schema_drift d SET acknowledged_at = NULL
WHERE d.kind <> 'unknown' AND d.last_seen < {{valid_from}} AND d.acknowledged_at IS NOT NULL
  AND EXISTS (
      SELECT 1 FROM sweeps s
      WHERE s.run_id = {{run_id}} AND s.table_name = d.table_name AND s.verdict <> 'failed' AND s.pages > 0
  );

INSERT INTO schema_drift BY NAME
SELECT n.table_name, n.field, {{valid_from}} AS first_seen, {{valid_from}} AS last_seen, n."count", n.sample, n.kind, n.form
FROM _hclake_seen n
WHERE NOT EXISTS (
    SELECT 1 FROM schema_drift d WHERE d.table_name = n.table_name AND d.field = n.field AND d.kind = n.kind
)
ORDER BY n.table_name, n.field, n.kind;
