-- The rows of a view.
-- takes: view, columns

SELECT {{columns}}
FROM {{view}} v;
