-- The starts of a run, of the one before it and of the one after it, in microseconds since 1970; NULL where there is
-- none. The run is bound as $1.
-- takes:

SELECT
    max(epoch_us(started_at)) FILTER (run_id = $1),
    max(epoch_us(started_at)) FILTER (run_id < $1),
    min(epoch_us(started_at)) FILTER (run_id > $1)
FROM runs;
