-- The rows of one frame of the row file that open a version, in order: the row's number, and when its record was first
-- seen, in microseconds since 1970.
-- takes: first_row, last_row

SELECT _row, epoch_us(_first_seen) AS first_seen_us
FROM _hclake_opening
WHERE _row BETWEEN {{first_row}} AND {{last_row}}
ORDER BY _row;
