-- Says in the store what a table is.
-- takes: table, comment

COMMENT ON TABLE {{table}} IS {{comment}};
