-- Marks quarantined records as resolved where a good copy of the same key was read, in this run too: then the record
-- does not wait for one, and an older copy must never replace it.
-- takes: table_text, stage, keys_of_staged, key_texts, valid_from

UPDATE quarantine SET resolved_at = {{valid_from}}
WHERE table_name = {{table_text}} AND resolved_at IS NULL AND "key" IS NOT NULL
  AND (scope, "key") IN (
      SELECT (_scope, {{key_texts}})
      FROM (SELECT w.scope AS _scope, {{keys_of_staged}} FROM {{stage}} s JOIN _hclake_sweeps w ON w.sweep = s._sweep) good
  );
