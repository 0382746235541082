-- The runs of which the store and the dataset have other rows, and how many rows both have of each. Rows are compared by
-- their number, and by the sum and the exclusive-or of their hashes, which takes memory for each run and not for each row.
-- takes: hashed

SELECT _hclake_run, count(*)
FROM ({{hashed}})
GROUP BY _hclake_run
HAVING count(*) FILTER (_hclake_stored) <> count(*) FILTER (NOT _hclake_stored)
    OR sum(_hclake_row) FILTER (_hclake_stored) IS DISTINCT FROM sum(_hclake_row) FILTER (NOT _hclake_stored)
    OR bit_xor(_hclake_row) FILTER (_hclake_stored) IS DISTINCT FROM bit_xor(_hclake_row) FILTER (NOT _hclake_stored)
ORDER BY _hclake_run;
