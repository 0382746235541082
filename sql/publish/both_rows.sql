-- The rows of the store and of the dataset, each marked with its source. For hashed_rows.sql and differing_rows.sql.
-- Only rows that the store must still have are compared: `unpruned` says which.
-- takes: stored, files, columns, unpruned

SELECT true AS _hclake_stored, {{columns}} FROM ({{stored}}) v WHERE {{unpruned}}
UNION ALL
SELECT false, {{columns}} FROM read_parquet({{files}}, union_by_name = true, hive_partitioning = false) v
WHERE {{unpruned}}
