-- Every run of the store and when it started, in microseconds since 1970, oldest first.
-- takes:

SELECT run_id, epoch_us(started_at) FROM runs ORDER BY run_id;
