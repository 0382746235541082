-- Marks quarantined records as resolved if a good copy of the same key was read, even in this run: an older copy must
-- never replace the good one.
-- takes: table_text, stage, keys_of_staged, key_texts, valid_from

UPDATE quarantine q SET resolved_at = {{valid_from}}
FROM (
    SELECT DISTINCT _scope, {{key_texts}} AS _texts
    FROM (SELECT w.scope AS _scope, {{keys_of_staged}} FROM {{stage}} s JOIN _hclake_sweeps w ON w.sweep = s._sweep) good
    WHERE {{key_texts}} IN (
        SELECT waiting."key" FROM quarantine waiting
        WHERE waiting.table_name = {{table_text}} AND waiting.resolved_at IS NULL AND waiting."key" IS NOT NULL
    )
) read
WHERE q.table_name = {{table_text}} AND q.resolved_at IS NULL AND q.scope = read._scope AND q."key" = read._texts;
