-- The two tables of a list: its live records, and the closed versions.
-- They have no keys and no indexes: the run checks uniqueness itself, and the file grows ten times more slowly.
-- takes: table, history, column_definitions

CREATE TABLE IF NOT EXISTS {{table}} (
    _scope      VARCHAR NOT NULL,
    _region     VARCHAR NOT NULL,
    _project    VARCHAR NOT NULL,
    {{column_definitions}},
    _hash       BIGINT NOT NULL,
    _first_seen TIMESTAMPTZ NOT NULL,
    _valid_from TIMESTAMPTZ NOT NULL,
    _run_id     BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS {{history}} (
    _scope         VARCHAR NOT NULL,
    _region        VARCHAR NOT NULL,
    _project       VARCHAR NOT NULL,
    {{column_definitions}},
    _hash          BIGINT NOT NULL,
    _first_seen    TIMESTAMPTZ NOT NULL,
    _valid_from    TIMESTAMPTZ NOT NULL,
    _run_id        BIGINT NOT NULL,
    _valid_to      TIMESTAMPTZ NOT NULL,
    _closed_by     VARCHAR NOT NULL,
    _closed_run_id BIGINT NOT NULL
);
