-- Adds by what this run's records differ from the catalog: what was seen before is brought up to date, others are new.
-- takes: valid_from

CREATE OR REPLACE TEMP TABLE _hclake_seen AS
SELECT table_name, field, kind, CAST(sum("count") AS BIGINT) AS "count", last(sample) AS sample
FROM _hclake_drift GROUP BY table_name, field, kind;

UPDATE schema_drift d
SET last_seen = {{valid_from}}, "count" = d."count" + n."count", sample = coalesce(n.sample, d.sample)
FROM _hclake_seen n
WHERE d.table_name = n.table_name AND d.field = n.field AND d.kind = n.kind;

INSERT INTO schema_drift BY NAME
SELECT n.table_name, n.field, {{valid_from}} AS first_seen, {{valid_from}} AS last_seen, n."count", n.sample, n.kind
FROM _hclake_seen n
WHERE NOT EXISTS (
    SELECT 1 FROM schema_drift d WHERE d.table_name = n.table_name AND d.field = n.field AND d.kind = n.kind
)
ORDER BY n.table_name, n.field, n.kind;
