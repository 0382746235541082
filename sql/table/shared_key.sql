-- A key that several open records of a table have in one scope, if there is one.
-- takes: table, keys_of_current, key_names, key_texts

SELECT concat_ws(' ', _scope, CAST({{key_texts}} AS VARCHAR))
FROM (SELECT c._scope, {{keys_of_current}} FROM {{table}} c) _hclake_keyed
GROUP BY _scope, {{key_names}} HAVING count(*) > 1
LIMIT 1;
