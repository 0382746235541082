-- The rows of the store and of the dataset, each marked with its source. For same.sql and differing_rows.sql.
-- takes: stored, files, columns

SELECT true AS _hclake_stored, {{columns}} FROM ({{stored}}) v
UNION ALL
SELECT false, {{columns}} FROM read_parquet({{files}}, union_by_name = true, hive_partitioning = false) v
