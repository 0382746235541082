-- How many runs pruning takes away, how many the store answers then, and the start of the first of these in microseconds
-- since 1970.
-- takes:

SELECT
    count(*) FILTER (was_answered AND NOT is_answered),
    count(*) FILTER (is_answered),
    min(epoch_us(started_at)) FILTER (is_answered)
FROM _hclake_fate;
