-- Drops what is recorded of calls made before an instant.
-- takes: before

DELETE FROM requests WHERE "time" < {{before}};
