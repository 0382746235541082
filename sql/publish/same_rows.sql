-- Whether the store and the dataset have the same rows: as many, and the same sum and exclusive-or of their hashes.
-- It needs no more memory than one row.
-- takes: stored, files, columns, names

WITH _hclake_both AS (
    SELECT true AS _hclake_stored, {{columns}} FROM ({{stored}}) v
    UNION ALL
    SELECT false, {{columns}} FROM read_parquet({{files}}, union_by_name = true, hive_partitioning = false) v
),
_hclake_hashed AS (SELECT _hclake_stored, hash({{names}}) AS _hclake_row FROM _hclake_both),
_hclake_sums AS (
    SELECT count(*) FILTER (_hclake_stored) = count(*) FILTER (NOT _hclake_stored)
           AND sum(_hclake_row) FILTER (_hclake_stored)
               IS NOT DISTINCT FROM sum(_hclake_row) FILTER (NOT _hclake_stored)
           AND bit_xor(_hclake_row) FILTER (_hclake_stored)
               IS NOT DISTINCT FROM bit_xor(_hclake_row) FILTER (NOT _hclake_stored) AS _hclake_same
    FROM _hclake_hashed
)
SELECT _hclake_same FROM _hclake_sums;
