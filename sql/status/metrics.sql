-- The newest listing of each list: how long it took in microseconds, and what it cost. A retry of quarantined records
-- reads no page and does not count.
-- takes:

SELECT table_name, scope, epoch_us(ended_at) - epoch_us(started_at), requests, retries, throttled, waited_ms
FROM sweeps
WHERE pages > 0 OR verdict = 'failed'
QUALIFY row_number() OVER (PARTITION BY table_name, scope ORDER BY run_id DESC) = 1
ORDER BY table_name, scope;
