-- Aggregates over some rows.
-- takes: rows, aggregates

SELECT {{aggregates}}
FROM ({{rows}});
