-- Temporary tables of one run beside the staged rows: the sweeps to merge with their reach, how many records of each
-- wait for confirmation, the protected keys, which are not gone, and rows to add to the ledger. They are dropped when the connection closes.
-- takes:

CREATE TEMP TABLE _hclake_sweeps (
    sweep      INTEGER NOT NULL,
    scope      VARCHAR NOT NULL,
    region     VARCHAR NOT NULL,
    project    VARCHAR NOT NULL,
    parent     VARCHAR[],
    reach_from TIMESTAMPTZ,
    reach_to   TIMESTAMPTZ
);

CREATE TEMP TABLE _hclake_waiting (sweep INTEGER NOT NULL, n BIGINT NOT NULL);

CREATE TEMP TABLE _hclake_complete (
    table_name VARCHAR NOT NULL,
    scope      VARCHAR NOT NULL,
    parent     VARCHAR[] NOT NULL,
    moved      VARCHAR,
    reached_to TIMESTAMPTZ
);

CREATE TEMP TABLE _hclake_protected (sweep INTEGER NOT NULL, "key" VARCHAR[] NOT NULL);

CREATE TEMP TABLE _hclake_quarantine (
    table_name VARCHAR NOT NULL,
    scope      VARCHAR NOT NULL,
    "key"      VARCHAR[],
    raw_hash   BIGINT NOT NULL,
    reason     VARCHAR NOT NULL,
    raw        VARCHAR NOT NULL,
    page       BIGINT,
    request_id VARCHAR
);

CREATE TEMP TABLE _hclake_drift (
    table_name VARCHAR NOT NULL,
    field      VARCHAR NOT NULL,
    "count"    BIGINT NOT NULL,
    sample     VARCHAR,
    kind       VARCHAR NOT NULL,
    form       VARCHAR
);
