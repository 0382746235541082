-- Number of the newest migration that the store holds.
-- takes:

SELECT max(version) FROM schema_migrations;
