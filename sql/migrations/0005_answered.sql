-- What a person has answered: records in quarantine that were dismissed, and drift that was acknowledged.
-- form is the kind of JSON value that an unknown member had, such as text or number.

ALTER TABLE quarantine ADD COLUMN dismissed_at TIMESTAMPTZ;
COMMENT ON TABLE quarantine IS 'Records that could not be read, as they came. One row for each content of a key, or of a record whose key was unreadable too. dismissed_at is set where a person does not want it reported again.';

ALTER TABLE schema_drift ADD COLUMN form VARCHAR;
ALTER TABLE schema_drift ADD COLUMN acknowledged_at TIMESTAMPTZ;
COMMENT ON TABLE schema_drift IS 'Members by which records differ from what the catalog tells of them: unknown ones, whose values are kept in the column extra, those that have vanished from all records, and those whose type has changed in all. acknowledged_at is set where a person knows of it, until it changes.';
