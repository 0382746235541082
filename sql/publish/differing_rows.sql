-- How many rows only the store has, and how many only the dataset has.
-- takes: stored, files, columns

WITH _hclake_stored AS (SELECT {{columns}} FROM ({{stored}}) v),
_hclake_published AS (SELECT {{columns}} FROM read_parquet({{files}}, union_by_name = true, hive_partitioning = false) v)
SELECT (SELECT count(*) FROM (SELECT * FROM _hclake_stored EXCEPT ALL SELECT * FROM _hclake_published)),
       (SELECT count(*) FROM (SELECT * FROM _hclake_published EXCEPT ALL SELECT * FROM _hclake_stored));
