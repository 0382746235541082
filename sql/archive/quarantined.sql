-- How many records of a run could not be read.
-- takes:

SELECT CAST(coalesce(sum(quarantined), 0) AS BIGINT) FROM sweeps WHERE run_id = ?;
