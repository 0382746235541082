-- How many rows a check returns, and the first of them.
-- takes: check

SELECT count(*), min(detail) FROM ({{check}}) violations;
