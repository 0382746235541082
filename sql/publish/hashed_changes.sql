-- What the runs from first to last did, as hashes that need no join: each version that a run opened, each last version of
-- a record gone, and the key of each record whose version a run replaced. Changes differ only if these do. For
-- differing_runs.sql. The rows compared are chosen as in both_rows.sql.
-- takes: table, history, columns, hashed, keys_of_version, files, unpruned, first_run_id, last_run_id

SELECT v._hclake_stored, v._change_run_id AS _hclake_run, v._hclake_row
FROM (
    SELECT true AS _hclake_stored, _run_id AS _change_run_id, _valid_from AS _at,
           hash('opened', _valid_from, {{hashed}}) AS _hclake_row
    FROM (SELECT {{columns}} FROM {{table}} v UNION ALL SELECT {{columns}} FROM {{history}} v)
    WHERE _run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
    UNION ALL
    SELECT true, _closed_run_id, _valid_to, hash('gone', _valid_to, {{hashed}})
    FROM (SELECT {{columns}}, v._valid_to, v._closed_by, v._closed_run_id FROM {{history}} v)
    WHERE _closed_by = 'gone' AND _closed_run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
    UNION ALL
    SELECT true, v._closed_run_id, v._valid_to, hash(v._scope, [{{keys_of_version}}])
    FROM {{history}} v
    WHERE v._closed_by = 'changed' AND v._closed_run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
    UNION ALL
    SELECT false, _change_run_id, _at,
           hash(CASE _change WHEN 'changed' THEN 'opened' ELSE _change END, _at, {{hashed}})
    FROM (
        SELECT {{columns}}, v._change, v._at, v._change_run_id
        FROM read_parquet({{files}}, union_by_name = true, hive_partitioning = false) v
    )
    UNION ALL
    SELECT false, v._change_run_id, v._at, hash(v._scope, [{{keys_of_version}}])
    FROM read_parquet({{files}}, union_by_name = true, hive_partitioning = false) v
    WHERE v._change = 'changed'
) v
WHERE {{unpruned}}
