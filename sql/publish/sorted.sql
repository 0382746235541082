-- The rows of a statement, sorted. `enumerated` is empty, or makes enumerations of columns with few values, which are sorted
-- as numbers.
-- takes: rows, enumerated, order

SELECT *
FROM (SELECT * {{enumerated}} FROM ({{rows}})) v
ORDER BY {{order}};
