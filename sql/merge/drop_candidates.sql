-- Deletes the candidates that no longer need confirmation: those that a sweep of this run has shown, readable or not,
-- and those whose record is closed.
-- takes: table, table_text, stage, keys_of_staged, keys_of_current, key_texts

DELETE FROM gone_candidates
WHERE table_name = {{table_text}} AND scope IN (SELECT w.scope FROM _hclake_sweeps w) AND (
    (scope, "key") IN (
        SELECT (_shown_scope, {{key_texts}})
        FROM (SELECT w.scope AS _shown_scope, {{keys_of_staged}}
              FROM {{stage}} s JOIN _hclake_sweeps w ON w.sweep = s._sweep) _hclake_shown
    )
    OR (scope, "key") IN (
        SELECT (w.scope, p."key") FROM _hclake_protected p JOIN _hclake_sweeps w ON w.sweep = p.sweep
    )
    OR (scope, "key") NOT IN (
        SELECT (_open_scope, {{key_texts}})
        FROM (SELECT c._scope AS _open_scope, {{keys_of_current}}
              FROM {{table}} c SEMI JOIN _hclake_sweeps w ON w.scope = c._scope) _hclake_open
    )
);
