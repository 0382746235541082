-- Replaces one instant with another in a whole column.
-- takes: table, column, from, to

UPDATE {{table}} SET {{column}} = {{to}} WHERE {{column}} = {{from}};
