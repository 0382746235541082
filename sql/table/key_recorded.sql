-- The columns by which a table's records were matched in the newest run.
-- takes: table_text

SELECT key_columns FROM _hclake_keys WHERE table_name = {{table_text}};
