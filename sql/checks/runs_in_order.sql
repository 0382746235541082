-- A later run started later.
-- takes:

SELECT CAST(run_id AS VARCHAR) AS detail
FROM (SELECT run_id, started_at, lead(started_at) OVER (ORDER BY run_id) AS next_at FROM runs) following
WHERE next_at <= started_at
