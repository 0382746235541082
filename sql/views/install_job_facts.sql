-- title: Install jobs, one row each, ready to be counted
-- about: Every install job that is listed, with the newest name of its application and its desktop, whether it has
--   finished and failed, how long it took, its failure message in full and folded, and whether a run ever saw it fail.
-- needs: app_install_jobs_versions, install_failure_facts
-- column: _scope             What was listed: region and project.
-- column: _region            Region of the job.
-- column: _project           IAM project of the job.
-- column: id                 Identifier of the install job, unique within its scope.
-- column: app_id             Application that was to be installed.
-- column: app                Newest name of that application; its id where no job names it.
-- column: app_version        Version of the application when the job was made.
-- column: target             User that the installation is for.
-- column: operator           Who ordered the installation.
-- column: instance_id        Desktop or app-streaming instance that the job installs on.
-- column: instance           Newest name of that instance; its id where no job names it.
-- column: job_status         Status in the API's words.
-- column: finished           Whether the status is SUCCESS or FAIL.
-- column: failed             Whether the status is FAIL.
-- column: succeeded          Whether the status is SUCCESS.
-- column: create_time        When the job was made.
-- column: update_time        When the job last changed; for a finished job, when it ended.
-- column: duration_s         Seconds from create_time to update_time of a finished job.
-- column: error_message      Message of the newest failure that a run saw.
-- column: error              That message with numbers, paths, addresses and ids folded, so that one cause is one text.
-- column: failed_ever        Whether any run saw the job as FAIL.
-- column: first_failed_at    When a run first saw the job as FAIL.
-- column: seen_at            When a run first saw the job as it is.

WITH
known AS (
    SELECT v.*
    FROM app_install_jobs_versions AS v
    WHERE v._valid_from <= {{at}} AND (v._valid_to IS NULL OR v._valid_to > {{at}})
),
failures AS (
    SELECT
        f._scope,
        f.id,
        nullif(arg_max(coalesce(f.error_message, ''), f.seen_at), '') AS error_message,
        nullif(arg_max(coalesce(f.error, ''), f.seen_at), '') AS error,
        min(f.seen_at) AS first_failed_at
    FROM {{install_failure_facts}} AS f
    GROUP BY f._scope, f.id
),
-- The newest name: of the job made last, and of several made at that instant the last in the alphabet.
names AS (
    SELECT kind, id, last(name ORDER BY newest_at, name) AS name
    FROM (
        SELECT kind, id, name, max(coalesce(create_time, TIMESTAMPTZ '-infinity')) AS newest_at
        FROM (
            SELECT 'app' AS kind, app_id AS id, app_name AS name, create_time FROM known
            UNION ALL
            SELECT 'instance', instance_id, instance_name, create_time FROM known
        ) AS named
        WHERE name IS NOT NULL
        GROUP BY kind, id, name
    ) AS dated
    GROUP BY kind, id
)
SELECT
    known._scope,
    known._region,
    known._project,
    known.id,
    known.app_id,
    coalesce(apps.name, known.app_id) AS app,
    known.app_version,
    known.target,
    known.operator,
    known.instance_id,
    coalesce(instances.name, known.instance_id) AS instance,
    known.job_status,
    coalesce(known.job_status IN ('SUCCESS', 'FAIL'), false) AS finished,
    coalesce(known.job_status = 'FAIL', false) AS failed,
    coalesce(known.job_status = 'SUCCESS', false) AS succeeded,
    known.create_time,
    known.update_time,
    CASE WHEN known.job_status IN ('SUCCESS', 'FAIL')
        THEN (epoch_us(known.update_time) - epoch_us(known.create_time)) / 1e6 END AS duration_s,
    failures.error_message,
    failures.error,
    failures.id IS NOT NULL AS failed_ever,
    failures.first_failed_at,
    known._valid_from AS seen_at
FROM known
LEFT JOIN names AS apps ON apps.kind = 'app' AND apps.id = known.app_id
LEFT JOIN names AS instances ON instances.kind = 'instance' AND instances.id = known.instance_id
LEFT JOIN failures ON failures._scope = known._scope AND failures.id = known.id
