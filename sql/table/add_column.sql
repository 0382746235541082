-- Adds a column of the catalog to a stored table; rows stored before have NULL there.
-- takes: table, column, column_type

ALTER TABLE {{table}} ADD COLUMN {{column}} {{column_type}};
