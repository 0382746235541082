-- A version is first seen no later than it opens, and opens before it closes.
-- takes: versions

SELECT concat_ws(' ', v._scope, CAST(v._first_seen AS VARCHAR), CAST(v._valid_from AS VARCHAR), CAST(v._valid_to AS VARCHAR)) AS detail
FROM {{versions}} v
WHERE v._valid_from >= v._valid_to OR v._first_seen > v._valid_from
