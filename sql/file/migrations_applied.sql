-- The migrations a store has, in order.
-- takes:

SELECT version, checksum FROM schema_migrations ORDER BY version;
