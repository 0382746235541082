-- The columns by which the open records of each table were matched in the newest run, as the catalog named them then.
-- takes:

CREATE TABLE IF NOT EXISTS _hclake_keys (table_name VARCHAR NOT NULL, key_columns VARCHAR NOT NULL);
COMMENT ON TABLE _hclake_keys IS 'The key of each table: the columns by which its records are matched from run to run.';
