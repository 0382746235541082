-- Counts the differences, one row for each sweep, before anything is applied.
-- Returns: sweep, rows kept, duplicates dropped, those of them with other content, new, changed, gone, open before,
-- left for the next run to confirm.
-- takes: table, table_text, stage, run_id

WITH _hclake_kept AS (SELECT _sweep, count(*) AS n FROM {{stage}} GROUP BY _sweep),
     _hclake_dropped AS (
         SELECT _sweep, count(*) AS n, count(*) FILTER (WHERE _hash <> _kept_hash) AS conflicts
         FROM _hclake_duplicates WHERE _rank > 1 GROUP BY _sweep
     ),
     _hclake_differing AS (
         SELECT _sweep,
                count(*) FILTER (WHERE _change = 'new') AS n_new,
                count(*) FILTER (WHERE _change = 'changed') AS n_changed,
                count(*) FILTER (WHERE _change = 'gone') AS n_gone
         FROM _hclake_diff GROUP BY _sweep
     ),
     _hclake_held AS (SELECT _scope, count(*) AS n FROM {{table}} GROUP BY _scope),
     _hclake_waiting AS (
         SELECT g.scope, count(*) AS n FROM gone_candidates g
         WHERE g.table_name = {{table_text}} AND g.run_id = {{run_id}} GROUP BY g.scope
     )
SELECT w.sweep, coalesce(k.n, 0), coalesce(o.n, 0), coalesce(o.conflicts, 0),
       coalesce(d.n_new, 0), coalesce(d.n_changed, 0), coalesce(d.n_gone, 0), coalesce(c.n, 0), coalesce(g.n, 0)
FROM _hclake_sweeps w
LEFT JOIN _hclake_kept k ON k._sweep = w.sweep
LEFT JOIN _hclake_dropped o ON o._sweep = w.sweep
LEFT JOIN _hclake_differing d ON d._sweep = w.sweep
LEFT JOIN _hclake_held c ON c._scope = w.scope
LEFT JOIN _hclake_waiting g ON g.scope = w.scope
ORDER BY w.sweep;
