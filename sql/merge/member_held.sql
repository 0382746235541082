-- How many open records of a scope have a value in a column. The scope is bound as $1.
-- takes: table, column

SELECT count({{column}}) FROM {{table}} WHERE _scope = $1;
