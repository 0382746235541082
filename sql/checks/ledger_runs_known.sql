-- Every row of the ledger belongs to a run in it, and each run is in it once.
-- takes:

SELECT concat_ws(' ', source, run_id) AS detail
FROM (
    SELECT 'sweeps' AS source, run_id FROM sweeps
    UNION SELECT 'requests', run_id FROM requests
    UNION SELECT 'quarantine', first_run_id FROM quarantine
    UNION SELECT 'quarantine', last_run_id FROM quarantine
) referring
WHERE run_id NOT IN (SELECT run_id FROM runs)
UNION ALL
SELECT concat_ws(' ', 'runs', run_id) FROM runs GROUP BY run_id HAVING count(*) > 1
