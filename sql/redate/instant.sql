-- Puts one instant in another's place throughout a column.
-- takes: table, column, from, to

UPDATE {{table}} SET {{column}} = {{to}} WHERE {{column}} = {{from}};
