-- What was done with personal data, table by table, since which run.

CREATE TABLE privacy (
    since_run_id    BIGINT NOT NULL,
    table_name      VARCHAR NOT NULL,
    personal        VARCHAR NOT NULL,
    unknown         VARCHAR NOT NULL,
    key_fingerprint VARCHAR
);
COMMENT ON TABLE privacy IS 'One row for each time that the settings of [privacy] began to treat a table otherwise. A table without a row was always kept as it came.';
COMMENT ON COLUMN privacy.since_run_id IS 'The first run that treated the table so. Versions that opened before it hold what they held.';
COMMENT ON COLUMN privacy.table_name IS 'The table.';
COMMENT ON COLUMN privacy.personal IS 'What is done with its personal columns: keep, hash or drop.';
COMMENT ON COLUMN privacy.unknown IS 'What is done with members that the catalog does not know: keep or drop.';
COMMENT ON COLUMN privacy.key_fingerprint IS 'Tells the keys of hashes apart; empty where nothing is hashed.';
