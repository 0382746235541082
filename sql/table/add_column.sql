-- Gives a stored table a column that the catalog has gained; what was stored before has NULL there.
-- takes: table, column, column_type

ALTER TABLE {{table}} ADD COLUMN {{column}} {{column_type}};
