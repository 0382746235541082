-- The closed versions of the dataset, as one more part of its versions.
-- takes: files, columns

UNION ALL
SELECT false, {{columns}}, epoch_us(v._valid_to)
FROM read_parquet({{files}}, union_by_name = true, hive_partitioning = false) v
