-- Every version of every record: closed ones, and open ones with _valid_to NULL.
-- takes: versions, table, history, columns_of_version

CREATE OR REPLACE VIEW {{versions}} AS
SELECT v._scope, v._region, v._project, {{columns_of_version}}, v._hash, v._first_seen, v._valid_from, v._run_id,
       CAST(NULL AS TIMESTAMPTZ) AS _valid_to, CAST(NULL AS VARCHAR) AS _closed_by, CAST(NULL AS BIGINT) AS _closed_run_id
FROM {{table}} v
UNION ALL
SELECT v._scope, v._region, v._project, {{columns_of_version}}, v._hash, v._first_seen, v._valid_from, v._run_id,
       v._valid_to, v._closed_by, v._closed_run_id
FROM {{history}} v;
