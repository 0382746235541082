-- How many staged rows lack a part of their key. There must be none.
-- takes: stage, keys_of_staged, keys_present

SELECT count(*) FROM (SELECT {{keys_of_staged}} FROM {{stage}} s SEMI JOIN _hclake_sweeps w ON w.sweep = s._sweep) keyed
WHERE NOT ({{keys_present}});
