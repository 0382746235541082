-- What says of a night's rows whether they differ from the records that are held, until their sweeps have ended.
-- The whole rows wait in a file.
-- takes: stage, staged_definitions

CREATE TEMP TABLE {{stage}} (
    _sweep INTEGER NOT NULL,
    _seq   BIGINT NOT NULL,
    _row   BIGINT NOT NULL,
    {{staged_definitions}},
    _hash  BIGINT NOT NULL
);
