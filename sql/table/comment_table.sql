-- Sets the comment of a table.
-- takes: table, comment

COMMENT ON TABLE {{table}} IS {{comment}};
