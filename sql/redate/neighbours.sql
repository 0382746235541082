-- The starts of a run, of the run before it and of the run after it, in microseconds since 1970; NULL if there is none.
-- The run is bound as $1.
-- takes:

SELECT
    max(epoch_us(started_at)) FILTER (run_id = $1),
    max(epoch_us(started_at)) FILTER (run_id < $1),
    min(epoch_us(started_at)) FILTER (run_id > $1)
FROM runs;
