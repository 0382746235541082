-- The ledger: what each run asked, read, stored and could not store.
-- Instants are TIMESTAMPTZ, in UTC; counts are rows unless the name says otherwise.

CREATE TABLE schema_migrations (
    version    INTEGER NOT NULL,
    name       VARCHAR NOT NULL,
    checksum   VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL,
    program    VARCHAR NOT NULL
);

CREATE TABLE runs (
    run_id        BIGINT NOT NULL,
    version       VARCHAR NOT NULL,
    started_at    TIMESTAMPTZ NOT NULL,
    ended_at      TIMESTAMPTZ NOT NULL,
    outcome       VARCHAR NOT NULL,
    settings_hash VARCHAR NOT NULL
);
COMMENT ON TABLE runs IS 'One row a run that stored something. Every version in the store opens and closes at the start of a run.';

CREATE TABLE sweeps (
    run_id               BIGINT NOT NULL,
    table_name           VARCHAR NOT NULL,
    scope                VARCHAR NOT NULL,
    region               VARCHAR NOT NULL,
    project              VARCHAR NOT NULL,
    started_at           TIMESTAMPTZ NOT NULL,
    ended_at             TIMESTAMPTZ NOT NULL,
    verdict              VARCHAR NOT NULL,
    proof                VARCHAR,
    reported_total_first BIGINT,
    reported_total_last  BIGINT,
    rows_read            BIGINT NOT NULL,
    distinct_count       BIGINT NOT NULL,
    "new"                BIGINT NOT NULL,
    changed              BIGINT NOT NULL,
    unchanged            BIGINT NOT NULL,
    gone                 BIGINT NOT NULL,
    held_back            BIGINT NOT NULL,
    duplicates           BIGINT NOT NULL,
    conflicts            BIGINT NOT NULL,
    quarantined          BIGINT NOT NULL,
    pages                BIGINT NOT NULL,
    requests             BIGINT NOT NULL,
    retries              BIGINT NOT NULL,
    throttled            BIGINT NOT NULL,
    waited_ms            BIGINT NOT NULL,
    bytes                BIGINT NOT NULL,
    error_class          VARCHAR,
    error_status         INTEGER,
    error_code           VARCHAR,
    error_message        VARCHAR,
    error_request_id     VARCHAR
);
COMMENT ON TABLE sweeps IS 'One row for each listing of one table in one scope, with its verdict, its counts and what it cost.';

CREATE TABLE requests (
    run_id     BIGINT NOT NULL,
    table_name VARCHAR,
    scope      VARCHAR,
    "time"     TIMESTAMPTZ NOT NULL,
    path       VARCHAR NOT NULL,
    status     INTEGER,
    attempt    INTEGER NOT NULL,
    ms         BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    request_id VARCHAR
);
COMMENT ON TABLE requests IS 'One row a call to the cloud. Old rows are dropped.';

CREATE TABLE quarantine (
    table_name   VARCHAR NOT NULL,
    scope        VARCHAR NOT NULL,
    "key"        VARCHAR[],
    raw_hash     BIGINT NOT NULL,
    reason       VARCHAR NOT NULL,
    raw          JSON NOT NULL,
    page         BIGINT,
    request_id   VARCHAR,
    first_run_id BIGINT NOT NULL,
    last_run_id  BIGINT NOT NULL,
    first_seen   TIMESTAMPTZ NOT NULL,
    last_seen    TIMESTAMPTZ NOT NULL,
    resolved_at  TIMESTAMPTZ
);
COMMENT ON TABLE quarantine IS 'Records that could not be read, as they came. One row a key, or a content where the key was unreadable too.';

CREATE TABLE schema_drift (
    table_name VARCHAR NOT NULL,
    field      VARCHAR NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen  TIMESTAMPTZ NOT NULL,
    "count"    BIGINT NOT NULL,
    sample     VARCHAR
);
COMMENT ON TABLE schema_drift IS 'Members of records that the catalog does not know. Their values are kept in the column extra.';
