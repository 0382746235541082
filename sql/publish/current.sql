-- The live records, by scope and key.
-- takes: table, columns, key_order

SELECT {{columns}}
FROM {{table}} v
ORDER BY v._scope, {{key_order}};
