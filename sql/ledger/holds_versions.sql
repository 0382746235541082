-- Whether a table holds any version of a record.
-- takes: versions

SELECT EXISTS (SELECT 1 FROM {{versions}});
