-- Versions open and close with a run of the ledger, at its start. A version that is gone may end at the start of an
-- earlier run, the first that missed it.
-- takes: versions

SELECT concat_ws(' ', v._scope, v._run_id, v._closed_run_id) AS detail
FROM {{versions}} v
LEFT JOIN runs o ON o.run_id = v._run_id
LEFT JOIN runs c ON c.run_id = v._closed_run_id
WHERE o.started_at IS DISTINCT FROM v._valid_from OR (v._valid_to IS NULL) IS DISTINCT FROM (v._closed_run_id IS NULL)
   OR (v._closed_by = 'changed' AND c.started_at IS DISTINCT FROM v._valid_to)
   OR (v._closed_by = 'gone' AND (c.started_at IS NULL OR c.started_at < v._valid_to
       OR NOT EXISTS (SELECT 1 FROM runs m WHERE m.started_at = v._valid_to)))
