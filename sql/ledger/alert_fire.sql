-- An alert fires for a row. Bound: alert, subject, run, instant as text, row as JSON.
-- takes:

INSERT INTO alerts (alert, subject, fired_run_id, fired_at, "row")
VALUES ($1, $2, $3, CAST($4 AS TIMESTAMPTZ), $5);
