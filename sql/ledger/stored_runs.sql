-- Number and start of every run, in microseconds since 1970, the oldest first.
-- takes:

SELECT run_id, epoch_us(started_at) FROM runs ORDER BY run_id;
