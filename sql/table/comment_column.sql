-- Sets the comment of a column.
-- takes: table, column, comment

COMMENT ON COLUMN {{table}}.{{column}} IS {{comment}};
