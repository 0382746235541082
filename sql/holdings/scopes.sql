-- What the store holds of one list, a row for each scope: records and versions, how far back the history goes, and
-- the newest sweep that was complete. Instants are starts of runs, in microseconds since 1970.
-- takes: table, history, table_text

WITH
_hclake_live AS (SELECT _scope AS scope, count(*) AS live FROM {{table}} GROUP BY _scope),
_hclake_closed AS (SELECT _scope AS scope, count(*) AS closed FROM {{history}} GROUP BY _scope),
_hclake_swept AS (
    SELECT
        sweeps.scope,
        min(epoch_us(runs.started_at)) FILTER (sweeps.verdict <> 'failed') AS since,
        max(epoch_us(runs.started_at)) FILTER (sweeps.verdict = 'complete') AS newest_complete,
        count(*) FILTER (sweeps.verdict = 'complete') AS complete_sweeps,
        arg_max(sweeps.verdict, runs.run_id) AS newest_verdict
    FROM sweeps JOIN runs ON runs.run_id = sweeps.run_id
    WHERE sweeps.table_name = {{table_text}}
    GROUP BY sweeps.scope
),
_hclake_scopes AS (
    SELECT scope FROM _hclake_live
    UNION SELECT scope FROM _hclake_closed
    UNION SELECT scope FROM _hclake_swept
)
SELECT
    a.scope,
    coalesce(c.live, 0),
    coalesce(c.live, 0) + coalesce(h.closed, 0),
    w.since,
    w.newest_complete,
    coalesce(w.complete_sweeps, 0),
    w.newest_verdict
FROM _hclake_scopes a
LEFT JOIN _hclake_live c ON c.scope = a.scope
LEFT JOIN _hclake_closed h ON h.scope = a.scope
LEFT JOIN _hclake_swept w ON w.scope = a.scope
ORDER BY a.scope;
