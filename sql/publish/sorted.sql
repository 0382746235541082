-- The rows of a statement, sorted. `enumerated` is empty, or makes columns with few values enumerations, which are sorted
-- as numbers.
-- takes: rows, enumerated, order

SELECT *
FROM (SELECT * {{enumerated}} FROM ({{rows}})) v
ORDER BY {{order}};
