-- The changes made by the runs from first to last: versions that they opened, as opened or changed, and records gone
-- with their last values. A version is a change if the same run closed another version of the same record. The parts of
-- a key are compared as texts.
-- takes: table, history, columns, keys_of_version, first_run_id, last_run_id

WITH _hclake_replaced AS (
    SELECT v._scope AS _replaced_scope, v._closed_run_id AS _replaced_by, [{{keys_of_version}}] AS _replaced_key
    FROM {{history}} v
    WHERE v._closed_by = 'changed' AND v._closed_run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
),
_hclake_opened AS (
    SELECT {{columns}} FROM {{table}} v WHERE v._run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
    UNION ALL
    SELECT {{columns}} FROM {{history}} v WHERE v._run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
),
_hclake_events AS (
    SELECT CASE WHEN r._replaced_scope IS NULL THEN 'opened' ELSE 'changed' END AS _change,
           v._valid_from AS _at, v._run_id AS _change_run_id, v.*
    FROM _hclake_opened v
    LEFT JOIN _hclake_replaced r
      ON r._replaced_scope = v._scope AND r._replaced_by = v._run_id AND r._replaced_key = [{{keys_of_version}}]
    UNION ALL
    SELECT 'gone', v._valid_to, v._closed_run_id, {{columns}}
    FROM {{history}} v
    WHERE v._closed_by = 'gone' AND v._closed_run_id BETWEEN {{first_run_id}} AND {{last_run_id}}
)
SELECT * FROM _hclake_events;
