-- How many records of a scope are open in the store. The scope is bound as $1.
-- takes: table

SELECT count(*) FROM {{table}} WHERE _scope = $1;
