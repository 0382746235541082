-- Names of the tables in a database.
-- takes:

SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal AND NOT temporary;
