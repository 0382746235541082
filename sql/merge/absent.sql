-- Keys of the open records within a sweep's reach that it has neither staged nor protected.
-- takes: table, stage, sweep, in_sweep, keys_of_current, keys_of_staged, key_names, key_texts

WITH _hclake_held AS (SELECT {{keys_of_current}} FROM {{table}} c WHERE {{in_sweep}}),
     _hclake_staged AS (SELECT {{keys_of_staged}} FROM {{stage}} s WHERE s._sweep = {{sweep}}),
     _hclake_missing AS (
         SELECT {{key_texts}} AS "key"
         FROM (SELECT {{key_names}} FROM _hclake_held ANTI JOIN _hclake_staged USING ({{key_names}})) keyed
     )
SELECT m."key" FROM _hclake_missing m
WHERE m."key" NOT IN (SELECT p."key" FROM _hclake_protected p WHERE p.sweep = {{sweep}});
