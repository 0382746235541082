-- How many open records of a scope a sweep has neither staged nor protected. The scope is bound as $1.
-- takes: table, stage, sweep, keys_of_current, keys_of_staged, key_names, key_texts

WITH held AS (SELECT {{keys_of_current}} FROM {{table}} c WHERE c._scope = $1),
     staged AS (SELECT {{keys_of_staged}} FROM {{stage}} s WHERE s._sweep = {{sweep}}),
     missing AS (SELECT {{key_names}} FROM held ANTI JOIN staged USING ({{key_names}}))
SELECT count(*) FROM missing
WHERE {{key_texts}} NOT IN (SELECT p."key" FROM _hclake_protected p WHERE p.sweep = {{sweep}});
