-- A key has at most one open version.
-- takes: table, keys_of_current, key_names, key_texts

SELECT concat_ws(' ', _scope, CAST({{key_texts}} AS VARCHAR)) AS detail
FROM (SELECT c._scope, {{keys_of_current}} FROM {{table}} c) keyed
GROUP BY _scope, {{key_names}} HAVING count(*) > 1
