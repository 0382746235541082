-- title: Failures of install jobs, one row for each that a run saw
-- about: Every time that a run saw an install job as FAIL which it had not seen so, or with another message: with the
--   message in full and folded. A job that failed, was retried and failed again has two rows.
-- needs: app_install_jobs_versions
-- column: _scope             What was listed: region and project.
-- column: id                 Identifier of the install job, unique within its scope.
-- column: app_id             Application that was to be installed.
-- column: app_version        Version of the application when the job was made.
-- column: target             User that the installation is for.
-- column: instance_id        Desktop or app-streaming instance that the job installs on.
-- column: failed_at          When the job failed: its update_time.
-- column: seen_at            When a run first saw this failure.
-- column: error_message      Why it failed, in the API's words.
-- column: error              The message with numbers, paths, addresses and ids folded, so that one cause is one text.
--   A number after a word such as "code" names the cause, and is kept.

WITH
failures AS (
    SELECT
        v._scope,
        v.id,
        arg_max(v.app_id, v._valid_from) AS app_id,
        arg_max(v.app_version, v._valid_from) AS app_version,
        arg_max(v.target, v._valid_from) AS target,
        arg_max(v.instance_id, v._valid_from) AS instance_id,
        v.update_time AS failed_at,
        min(v._valid_from) AS seen_at,
        coalesce(v.error_message, '') AS error_message
    FROM app_install_jobs_versions AS v
    WHERE v.job_status = 'FAIL' AND v._valid_from <= {{at}}
    GROUP BY v._scope, v.id, v.update_time, coalesce(v.error_message, '')
),
messages AS (
    SELECT DISTINCT error_message FROM failures WHERE error_message <> ''
),
-- A number that names the cause is marked together with its word, and unmarked when the other numbers are folded.
folded AS (
    SELECT
        error_message,
        trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
            error_message,
            '[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'',;]+', '<address>', 'g'),
            '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}', '<id>', 'g'),
            '(^|[\s"''(=])(?:(?:[A-Za-z]:|\\)\\[^\s"'',;]+|/[^\s"'',;)]+)', '\1<path>', 'g'),
            '((?:code|error|errno|status|HTTP|hresult)[\s:=#]*(?:0x[0-9a-f]+|-?\d+))|0x[0-9a-f]+|\b[0-9a-f]{12,}\b|\d+(?:[.,:]\d+)*',
            '\1<n>', 'gi'),
            '((?:code|error|errno|status|HTTP|hresult)[\s:=#]*(?:0x[0-9a-f]+|-?\d+))<n>', '\1', 'gi'),
            '\s+', ' ', 'g')) AS error
    FROM messages
)
SELECT
    failures._scope,
    failures.id,
    failures.app_id,
    failures.app_version,
    failures.target,
    failures.instance_id,
    failures.failed_at,
    failures.seen_at,
    nullif(failures.error_message, '') AS error_message,
    folded.error
FROM failures
LEFT JOIN folded ON folded.error_message = failures.error_message
