-- How many open records of a scope have a value in a column. The scope is bound as $1.
-- takes: table, column

SELECT count(c.{{column}}) FROM {{table}} c WHERE c._scope = $1;
