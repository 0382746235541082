-- Versions open and close with a run that is in the ledger, at the instant that run started.
-- takes: versions

SELECT concat_ws(' ', v._scope, v._run_id, v._closed_run_id) AS detail
FROM {{versions}} v
LEFT JOIN runs o ON o.run_id = v._run_id
LEFT JOIN runs c ON c.run_id = v._closed_run_id
WHERE o.started_at IS DISTINCT FROM v._valid_from OR c.started_at IS DISTINCT FROM v._valid_to
