-- Records the columns by which a table's records are matched from this run on.
-- takes: table_text, key_columns_text

DELETE FROM _hclake_keys WHERE table_name = {{table_text}};
INSERT INTO _hclake_keys VALUES ({{table_text}}, {{key_columns_text}});
