-- The staged rows of a table, only with the columns that show whether they differ from the stored records.
-- The whole rows are in a file.
-- takes: stage, staged_definitions

CREATE TEMP TABLE {{stage}} (
    _sweep INTEGER NOT NULL,
    _seq   BIGINT NOT NULL,
    _row   BIGINT NOT NULL,
    {{staged_definitions}},
    _hash  BIGINT NOT NULL
);
