-- Records that a migration was applied. Bound: version, name, checksum, instant as text, program.
-- takes:

INSERT INTO schema_migrations VALUES ($1, $2, $3, CAST($4 AS TIMESTAMPTZ), $5);
