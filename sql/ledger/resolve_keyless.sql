-- Marks quarantined records without a key as resolved if this run's listing did not show them: no good copy can be
-- matched with them. A list of a parent's records shows those of the parents that it asked for, so it resolves none.
-- takes: run_id, valid_from

UPDATE quarantine q SET resolved_at = {{valid_from}}
FROM sweeps s
WHERE s.run_id = {{run_id}} AND s.verdict <> 'failed' AND s.pages > 0 AND s.parents IS NULL
  AND s.table_name = q.table_name AND s.scope = q.scope
  AND q."key" IS NULL AND q.resolved_at IS NULL AND q.last_run_id < {{run_id}};
