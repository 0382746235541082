-- Records that a complete reading did not show and that the next one must miss too before they are gone. They are
-- open until then.

CREATE TABLE gone_candidates (
    table_name VARCHAR NOT NULL,
    scope      VARCHAR NOT NULL,
    "key"      VARCHAR[] NOT NULL,
    missed_at  TIMESTAMPTZ NOT NULL,
    run_id     BIGINT NOT NULL
);
COMMENT ON TABLE gone_candidates IS 'Open records that a complete listing did not show. If the next complete listing does not show one either, its version is closed as of missed_at. run_id is the run that first missed it.';

ALTER TABLE sweeps ADD COLUMN unconfirmed BIGINT DEFAULT 0;
COMMENT ON COLUMN sweeps.unconfirmed IS 'Records that this listing did not show and that stay open until the next one confirms that they are gone.';
