-- How many rows a table has.
-- takes: table

SELECT count(*) FROM {{table}};
