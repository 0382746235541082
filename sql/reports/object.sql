-- title: What was this record's whole life?
-- group: changes
-- about: Every version of one record that a run saw: when it appeared, which column changed from what to what, and when it
--   was gone. hclake report object TABLE ID; an ID of several columns is written with / between them, as in r1/7
-- needs: runs
-- param: table table none  the table
-- takes: id, as_of, scope
-- args: table, id
-- wide: _scope, run_id

WITH
versions AS (
    SELECT v._scope, v._valid_from, v._valid_to, v._run_id, v._closed_by, v._closed_run_id,
        {{key_as_text}} AS key, to_json(v) AS content,
        row_number() OVER (PARTITION BY v._scope, {{keys}} ORDER BY v._valid_from) AS number,
        lag(v._valid_to) OVER (PARTITION BY v._scope, {{keys}} ORDER BY v._valid_from) AS closed_before,
        lag(to_json(v)) OVER (PARTITION BY v._scope, {{keys}} ORDER BY v._valid_from) AS content_before,
        lead(v._valid_from) OVER (PARTITION BY v._scope, {{keys}} ORDER BY v._valid_from) AS opened_after
    FROM {{table}}_versions AS v
    WHERE CAST($id AS VARCHAR) = {{key_as_text}} AND matches(v._scope, CAST($scope AS VARCHAR))
        AND v._valid_from <= CAST($as_of AS TIMESTAMPTZ)
),
columns AS (
    SELECT versions.*, unnest(json_keys(content)) AS column FROM versions
),
texts AS (
    SELECT * EXCLUDE (content, content_before),
        content ->> "column" AS new,
        content_before ->> "column" AS old,
        closed_before IS DISTINCT FROM _valid_from AS is_opening
    FROM columns
    WHERE NOT starts_with("column", '_')
),
events AS (
    SELECT _valid_from AS at, key, if(number = 1, 'new', 'new again') AS change, "column", CAST(NULL AS VARCHAR) AS old, new,
        _scope, _run_id AS run_id
    FROM texts WHERE is_opening AND new IS NOT NULL
    UNION ALL
    SELECT _valid_from, key, 'changed', "column", old, new, _scope, _run_id
    FROM texts WHERE NOT is_opening AND old IS DISTINCT FROM new
    UNION ALL
    SELECT _valid_to, key, 'gone', NULL, NULL, NULL, _scope, _closed_run_id
    FROM versions
    WHERE _valid_to <= CAST($as_of AS TIMESTAMPTZ) AND opened_after IS DISTINCT FROM _valid_to
)
SELECT "at", key, change, "column", old, new, _scope, run_id FROM events ORDER BY "at", _scope, change <> 'gone', "column"
