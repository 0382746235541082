-- The versions of the store and of the dataset up to one run, each marked with its source. A version's end is left out
-- if a later run of the store has closed it since. For hashed_rows.sql and differing_versions.sql.
-- takes: current_files, history_files, versions, columns, last_run_id

SELECT false AS _hclake_stored, {{columns}}, CAST(NULL AS BIGINT) AS _hclake_ended_us
FROM read_parquet({{current_files}}, union_by_name = true, hive_partitioning = false) v
{{history_files}}
UNION ALL
SELECT true, {{columns}}, CASE WHEN v._closed_run_id <= {{last_run_id}} THEN epoch_us(v._valid_to) END
FROM {{versions}} v
WHERE v._run_id <= {{last_run_id}}
