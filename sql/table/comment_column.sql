-- Says in the store what a column means.
-- takes: table, column, comment

COMMENT ON COLUMN {{table}}.{{column}} IS {{comment}};
