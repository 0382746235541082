-- What the store holds of one list, a row for each scope: records and versions, how far back the history goes, and
-- the newest sweep that was complete. Instants are starts of runs, in microseconds since 1970.
-- takes: table, history, table_text

WITH
live AS (SELECT _scope AS scope, count(*) AS live FROM {{table}} GROUP BY _scope),
closed AS (SELECT _scope AS scope, count(*) AS closed FROM {{history}} GROUP BY _scope),
swept AS (
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
scopes AS (SELECT scope FROM live UNION SELECT scope FROM closed UNION SELECT scope FROM swept)
SELECT
    scopes.scope,
    coalesce(live.live, 0),
    coalesce(live.live, 0) + coalesce(closed.closed, 0),
    swept.since,
    swept.newest_complete,
    coalesce(swept.complete_sweeps, 0),
    swept.newest_verdict
FROM scopes
LEFT JOIN live ON live.scope = scopes.scope
LEFT JOIN closed ON closed.scope = scopes.scope
LEFT JOIN swept ON swept.scope = scopes.scope
ORDER BY scopes.scope;
