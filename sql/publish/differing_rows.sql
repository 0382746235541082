-- How many rows only the store has, and how many only the dataset has.
-- takes: stored, files, columns

WITH stored AS (SELECT {{columns}} FROM ({{stored}}) v),
published AS (SELECT {{columns}} FROM read_parquet({{files}}, union_by_name = true) v)
SELECT (SELECT count(*) FROM (SELECT * FROM stored EXCEPT ALL SELECT * FROM published)),
       (SELECT count(*) FROM (SELECT * FROM published EXCEPT ALL SELECT * FROM stored));
