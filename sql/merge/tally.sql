-- What the differences come to, one row a sweep, before anything is applied.
-- Gives: sweep, rows kept, rows dropped as read before, those of them whose content was another, new, changed,
-- gone, open before, left for the next run to confirm.
-- takes: table, table_text, stage, run_id

WITH kept AS (SELECT _sweep, count(*) AS n FROM {{stage}} GROUP BY _sweep),
     dropped AS (
         SELECT _sweep, count(*) AS n, count(*) FILTER (WHERE _hash <> _kept_hash) AS conflicts
         FROM _hclake_doubles WHERE _place > 1 GROUP BY _sweep
     ),
     differing AS (
         SELECT _sweep,
                count(*) FILTER (WHERE _change = 'new') AS n_new,
                count(*) FILTER (WHERE _change = 'changed') AS n_changed,
                count(*) FILTER (WHERE _change = 'gone') AS n_gone
         FROM _hclake_diff GROUP BY _sweep
     ),
     held AS (SELECT _scope, count(*) AS n FROM {{table}} GROUP BY _scope),
     waiting AS (
         SELECT g.scope, count(*) AS n FROM gone_candidates g
         WHERE g.table_name = {{table_text}} AND g.run_id = {{run_id}} GROUP BY g.scope
     )
SELECT w.sweep, coalesce(kept.n, 0), coalesce(dropped.n, 0), coalesce(dropped.conflicts, 0),
       coalesce(differing.n_new, 0), coalesce(differing.n_changed, 0), coalesce(differing.n_gone, 0),
       coalesce(held.n, 0), coalesce(waiting.n, 0)
FROM _hclake_sweeps w
LEFT JOIN kept ON kept._sweep = w.sweep
LEFT JOIN dropped ON dropped._sweep = w.sweep
LEFT JOIN differing ON differing._sweep = w.sweep
LEFT JOIN held ON held._scope = w.scope
LEFT JOIN waiting ON waiting.scope = w.scope
ORDER BY w.sweep;
