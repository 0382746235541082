-- The changes after t0 and up to t1: records opened, changed (with the columns that differ, as text before and
-- after) and gone. Instants in the text are UTC, whatever the session's time zone.
-- It nests queries instead of using WITH, because DuckDB 1.4.0 and 1.4.1 lose a WITH inside a macro.
-- takes: changes, versions, history, keys_of_version, key_columns_of_change, key_columns_of_event, keys_agree, columns_of_version, column_pairs

CREATE OR REPLACE MACRO {{changes}}(t0, t1) AS TABLE
SELECT e._change, e._at, e._run_id, e._scope, {{key_columns_of_event}},
       [_hclake_pair.name FOR _hclake_pair IN e._pairs] AS _columns,
       map([_hclake_pair.name FOR _hclake_pair IN e._pairs], [_hclake_pair.old FOR _hclake_pair IN e._pairs]) AS _old,
       map([_hclake_pair.name FOR _hclake_pair IN e._pairs], [_hclake_pair.new FOR _hclake_pair IN e._pairs]) AS _new
FROM (
    SELECT CASE WHEN o._scope IS NULL THEN 'gone' WHEN c._scope IS NULL THEN 'opened' ELSE 'changed' END AS _change,
           coalesce(o._valid_from, c._valid_to) AS _at,
           coalesce(o._run_id, c._closed_run_id) AS _run_id,
           coalesce(o._scope, c._scope) AS _scope,
           {{key_columns_of_change}},
           CASE WHEN o._scope IS NOT NULL AND c._scope IS NOT NULL
                THEN [_hclake_pair FOR _hclake_pair IN [{{column_pairs}}] IF _hclake_pair.differs] ELSE [] END AS _pairs
    FROM (
        SELECT v._scope, v._valid_from, v._run_id, {{columns_of_version}}, {{keys_of_version}}
        FROM {{versions}} v
        WHERE v._valid_from > CAST(t0 AS TIMESTAMPTZ) AND v._valid_from <= CAST(t1 AS TIMESTAMPTZ)
    ) o
    FULL JOIN (
        SELECT v._scope, v._valid_to, v._closed_run_id, {{columns_of_version}}, {{keys_of_version}}
        FROM {{history}} v
        WHERE v._valid_to > CAST(t0 AS TIMESTAMPTZ) AND v._valid_to <= CAST(t1 AS TIMESTAMPTZ)
    ) c ON o._scope = c._scope AND o._valid_from = c._valid_to AND {{keys_agree}}
) e;
