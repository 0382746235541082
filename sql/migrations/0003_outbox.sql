-- Publishings that runs owe: a row for each run and folder, settled by a later run that finds the folder up to it.

CREATE TABLE outbox (
    run_id     BIGINT NOT NULL,
    target     VARCHAR NOT NULL,
    settled_by BIGINT
);
COMMENT ON TABLE outbox IS 'One row for each run that was to be published, and the folder to publish it into. settled_by is the later run that found it published there; it is empty as long as none has.';
