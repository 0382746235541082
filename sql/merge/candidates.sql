-- How many records of a table wait for a second reading to confirm that they are gone.
-- takes: table_text

SELECT count(*) FROM gone_candidates WHERE table_name = {{table_text}};
