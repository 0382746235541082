-- The live records.
-- takes: table, columns

SELECT {{columns}}
FROM {{table}} v;
