-- Marks a table's drift in one member as acknowledged. Bound: instant as text, table, member.
-- takes:

UPDATE schema_drift SET acknowledged_at = CAST($1 AS TIMESTAMPTZ) WHERE table_name = $2 AND field = $3;
