-- title: What changed in this table?
-- group: changes
-- about: Every record of a table that was new, changed or gone after since and up to as_of: for a change a row for each
--   column, with its value before and after. hclake report what_changed TABLE
-- needs: runs
-- param: table table none  the table
-- takes: since = last, as_of, scope
-- args: table
-- wide: _scope, run_id
-- note(change): Without --since, the changes are those of the newest run.

SELECT
    e._at AS at,
    if(e._change = 'opened', 'new', e._change) AS change,
    e.* EXCLUDE (_change, _at, _run_id, _scope, _columns, _old, _new),
    changed.column,
    e._old[changed.column] AS old,
    e._new[changed.column] AS new,
    e._scope,
    e._run_id AS run_id
FROM {{table}}_changes(CAST($since AS TIMESTAMPTZ), CAST($as_of AS TIMESTAMPTZ)) AS e
CROSS JOIN LATERAL (SELECT unnest(if(len(e._columns) = 0, [CAST(NULL AS VARCHAR)], e._columns)) AS column) AS changed
WHERE matches(e._scope, CAST($scope AS VARCHAR))
ORDER BY ALL
