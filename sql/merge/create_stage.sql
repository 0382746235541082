-- Where a night's rows wait until their sweeps have ended.
-- takes: stage, staged_definitions

CREATE TEMP TABLE {{stage}} (
    _sweep INTEGER NOT NULL,
    _seq   BIGINT NOT NULL,
    {{staged_definitions}},
    _hash  BIGINT NOT NULL
);
