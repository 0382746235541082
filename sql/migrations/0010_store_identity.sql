-- Tells stores apart that publish into one place.

CREATE TABLE store_identity (
    store_id VARCHAR NOT NULL
);
COMMENT ON TABLE store_identity IS 'One row: the id of this store. A backup of the store has the same.';
COMMENT ON COLUMN store_identity.store_id IS 'A random UUID. What this store publishes carries it, so that no other store publishes over it.';

INSERT INTO store_identity SELECT CAST(uuid() AS VARCHAR);
