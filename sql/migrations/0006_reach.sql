-- What a sweep could speak of: the parents that it asked for, and the span of time that it reached. last_complete has the
-- newest complete sweep of each part of a list that is read in parts: of each parent, or of the list by its time window.

ALTER TABLE sweeps ADD COLUMN reach_from TIMESTAMPTZ;
ALTER TABLE sweeps ADD COLUMN reach_to TIMESTAMPTZ;
ALTER TABLE sweeps ADD COLUMN parents BIGINT;
ALTER TABLE sweeps ADD COLUMN parents_asked BIGINT;
COMMENT ON COLUMN sweeps.reach_from IS 'The sweep says nothing of records from before this time; empty where it reaches back to the first.';
COMMENT ON COLUMN sweeps.reach_to IS 'The sweep says nothing of records from this time on; empty where it reaches to the last.';
COMMENT ON COLUMN sweeps.parents IS 'Records of the parent table that the list belongs to; empty for a list without a parent.';
COMMENT ON COLUMN sweeps.parents_asked IS 'Those of them that this sweep asked for. The records of the others stay as they were.';

CREATE TABLE last_complete (
    table_name VARCHAR NOT NULL,
    scope      VARCHAR NOT NULL,
    parent     VARCHAR[] NOT NULL,
    moved      VARCHAR,
    reached_to TIMESTAMPTZ,
    run_id     BIGINT NOT NULL,
    "at"       TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE last_complete IS 'The newest complete sweep of each part of a list that is read in parts. parent has the values of the parent, and is empty for a list that is read by a time window alone. moved has the parent''s columns that show a change, as they were then.';
