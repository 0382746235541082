-- The rows of a view, sorted by its first columns, which tell its rows apart or nearly so.
-- takes: view, columns

SELECT {{columns}}
FROM {{view}} v
ORDER BY 1, 2, 3, 4;
