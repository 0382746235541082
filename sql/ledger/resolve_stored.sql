-- Marks quarantined records as resolved after a retry has read and stored them.
-- takes: table_text, scope_text, raw_hashes, valid_from

UPDATE quarantine SET resolved_at = {{valid_from}}
WHERE table_name = {{table_text}} AND scope = {{scope_text}} AND resolved_at IS NULL
  AND list_contains({{raw_hashes}}, raw_hash);
