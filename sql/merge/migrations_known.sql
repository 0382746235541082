-- Whether a database has ever been migrated.
-- takes:

SELECT count(*) > 0 FROM duckdb_tables()
WHERE table_name = 'schema_migrations' AND database_name = current_database();
