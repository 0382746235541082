-- Keys of the open records of a scope that a sweep has neither staged nor protected. The scope is bound as $1.
-- takes: table, stage, sweep, keys_of_current, keys_of_staged, key_names, key_texts

WITH _hclake_held AS (SELECT {{keys_of_current}} FROM {{table}} c WHERE c._scope = $1),
     _hclake_staged AS (SELECT {{keys_of_staged}} FROM {{stage}} s WHERE s._sweep = {{sweep}}),
     _hclake_missing AS (
         SELECT {{key_texts}} AS "key"
         FROM (SELECT {{key_names}} FROM _hclake_held ANTI JOIN _hclake_staged USING ({{key_names}})) keyed
     )
SELECT m."key" FROM _hclake_missing m
WHERE m."key" NOT IN (SELECT p."key" FROM _hclake_protected p WHERE p.sweep = {{sweep}});
