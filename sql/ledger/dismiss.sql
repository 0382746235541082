-- Marks a quarantined record as dismissed. Bound: instant as text, table, scope, hash of the content.
-- takes:

UPDATE quarantine SET dismissed_at = CAST($1 AS TIMESTAMPTZ)
WHERE table_name = $2 AND scope = $3 AND raw_hash = $4 AND resolved_at IS NULL;
