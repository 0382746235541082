-- Counts the differences, one row for each sweep, before anything is applied.
-- Returns: sweep, rows kept, duplicates dropped, those of them with other content, new, changed, gone, open before
-- within its reach, left for the next run to confirm.
-- takes: table, stage, same_parent, within_reach

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
     _hclake_held AS (
         SELECT w.sweep, count(*) AS n
         FROM {{table}} c JOIN _hclake_sweeps w ON w.scope = c._scope AND {{same_parent}}
         WHERE {{within_reach}} GROUP BY w.sweep
     )
SELECT w.sweep, coalesce(k.n, 0), coalesce(o.n, 0), coalesce(o.conflicts, 0),
       coalesce(d.n_new, 0), coalesce(d.n_changed, 0), coalesce(d.n_gone, 0), coalesce(c.n, 0), coalesce(g.n, 0)
FROM _hclake_sweeps w
LEFT JOIN _hclake_kept k ON k._sweep = w.sweep
LEFT JOIN _hclake_dropped o ON o._sweep = w.sweep
LEFT JOIN _hclake_differing d ON d._sweep = w.sweep
LEFT JOIN _hclake_held c ON c.sweep = w.sweep
LEFT JOIN _hclake_waiting g ON g.sweep = w.sweep
ORDER BY w.sweep;
