-- Deletes the calls made before an instant.
-- takes: before

DELETE FROM requests WHERE "time" < {{before}};
