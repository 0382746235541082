-- Keys that have more than one open version after a merge. Only versions opened by this run can cause that, so only
-- their keys are checked.
-- takes: table, keys_of_current, key_names, key_texts, run_id

WITH _hclake_opened AS (SELECT c._scope, {{keys_of_current}} FROM {{table}} c WHERE c._run_id = {{run_id}}),
     _hclake_held AS (SELECT c._scope, {{keys_of_current}} FROM {{table}} c)
SELECT concat_ws(' ', _scope, CAST({{key_texts}} AS VARCHAR))
FROM _hclake_held SEMI JOIN _hclake_opened USING (_scope, {{key_names}})
GROUP BY _scope, {{key_names}} HAVING count(*) > 1
LIMIT 1;
