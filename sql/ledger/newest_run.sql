-- The newest run's number and start, in microseconds since 1970; both NULL in a new store.
-- takes:

SELECT max(run_id), max(epoch_us(started_at)) FROM runs;
