-- Drops the rows that one sweep has staged from a number on. From the first on, what it has protected is dropped too.
-- takes: stage, sweep, first_seq

DELETE FROM {{stage}} WHERE _sweep = {{sweep}} AND _seq >= {{first_seq}};
DELETE FROM _hclake_protected WHERE sweep = {{sweep}} AND {{first_seq}} = 0;
