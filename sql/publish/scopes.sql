-- The scopes of some rows, at most so many.
-- takes: rows, columns, scopes_max

SELECT DISTINCT {{columns}}
FROM ({{rows}})
LIMIT {{scopes_max}};
