-- Drift of three kinds: a member that the catalog does not know (unknown), one that no record has any more
-- (vanished), and one that has another type in all of them (type).

ALTER TABLE schema_drift ADD COLUMN kind VARCHAR DEFAULT 'unknown';
COMMENT ON TABLE schema_drift IS 'Members by which records differ from what the catalog tells of them: unknown ones, whose values are kept in the column extra, those that have vanished from all records, and those whose type has changed in all.';
