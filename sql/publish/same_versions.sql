-- Whether the dataset and the store have the same versions up to one run: as many, and the same sum and exclusive-or
-- of their hashes. It needs no more memory than one row. An instant's end is left out where a later run of the store
-- has closed the version since.
-- takes: current_files, history_files, versions, columns, names, last_run_id

WITH _hclake_both AS (
    SELECT false AS _hclake_stored, {{columns}}, CAST(NULL AS BIGINT) AS _hclake_ended_us
    FROM read_parquet({{current_files}}, union_by_name = true, hive_partitioning = false) v
    {{history_files}}
    UNION ALL
    SELECT true, {{columns}}, CASE WHEN v._closed_run_id <= {{last_run_id}} THEN epoch_us(v._valid_to) END
    FROM {{versions}} v
    WHERE v._run_id <= {{last_run_id}}
),
_hclake_hashed AS (SELECT _hclake_stored, hash({{names}}, _hclake_ended_us) AS _hclake_row FROM _hclake_both),
_hclake_sums AS (
    SELECT count(*) FILTER (_hclake_stored) = count(*) FILTER (NOT _hclake_stored)
           AND sum(_hclake_row) FILTER (_hclake_stored)
               IS NOT DISTINCT FROM sum(_hclake_row) FILTER (NOT _hclake_stored)
           AND bit_xor(_hclake_row) FILTER (_hclake_stored)
               IS NOT DISTINCT FROM bit_xor(_hclake_row) FILTER (NOT _hclake_stored) AS _hclake_same
    FROM _hclake_hashed
)
SELECT _hclake_same FROM _hclake_sums;
