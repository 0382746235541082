-- An alert no longer fires for a row. Bound: alert, subject, run, instant as text.
-- takes:

UPDATE alerts SET over_run_id = $3, over_at = CAST($4 AS TIMESTAMPTZ)
WHERE alert = $1 AND subject = $2 AND over_run_id IS NULL;
