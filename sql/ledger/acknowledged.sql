-- The acknowledged drift of a table. The table is bound as $1.
-- takes:

SELECT kind, field, form FROM schema_drift WHERE table_name = $1 AND acknowledged_at IS NOT NULL;
