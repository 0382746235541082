-- The records as they were at an instant, with the columns of the table.
-- takes: as_of, versions, columns_of_version

CREATE OR REPLACE MACRO {{as_of}}(ts) AS TABLE
SELECT v._scope, v._region, v._project, {{columns_of_version}}, v._hash, v._first_seen, v._valid_from, v._run_id
FROM {{versions}} v
WHERE v._valid_from <= CAST(ts AS TIMESTAMPTZ) AND (v._valid_to IS NULL OR v._valid_to > CAST(ts AS TIMESTAMPTZ));
