-- What happened after one instant and up to another, as sentences, each with its strength from 0 to 1000: the reports
-- `changes` and `digest` are made of them. They stand on all built-in lists; one that was never read counts as empty.

-- `1 job`, `2 jobs`.
CREATE OR REPLACE TEMP MACRO counted(number, one) AS number || ' ' || one || if(number = 1, '', 's');
CREATE OR REPLACE TEMP MACRO share(hits, total) AS hits || ' of ' || total || ' (' || round(100 * hits / total, 1) || ' %)';

-- The newest run up to an instant that read lists: a retry of quarantined records reads none.
CREATE OR REPLACE TEMP MACRO newest_reading(asked_as_of) AS (
    SELECT max(runs.run_id)
    FROM runs JOIN sweeps ON sweeps.run_id = runs.run_id
    WHERE runs.started_at <= CAST(asked_as_of AS TIMESTAMPTZ) AND (sweeps.pages > 0 OR sweeps.verdict = 'failed'));
-- The scopes of a list of which something was known at an instant. One that was read later has no news of its own.
CREATE OR REPLACE TEMP MACRO scopes_known(asked_versions, asked_since) AS TABLE
SELECT DISTINCT v._scope FROM query_table(asked_versions) AS v WHERE v._valid_from <= CAST(asked_since AS TIMESTAMPTZ);

-- Of the jobs of a query, which is to hold all of `asked_as_of`.
CREATE OR REPLACE TEMP MACRO rate_sentences(all_jobs, asked_since, asked_as_of) AS TABLE
WITH
selected AS (
    SELECT *,
        update_time > CAST(asked_since AS TIMESTAMPTZ) AS is_now,
        coalesce(app, '(no application)') AS app_named
    FROM query_table(all_jobs)
    WHERE finished AND update_time <= CAST(asked_as_of AS TIMESTAMPTZ)
        AND update_time >= earlier_by_days(asked_since, 28)
),
kinds AS (
    SELECT 'app' AS what, app_id, app_named AS name, is_now, failed, instance_id, error FROM selected
    UNION ALL
    SELECT 'version', app_id, concat_ws(' ', app_named, app_version), is_now, failed, instance_id, error FROM selected
),
grouped AS (
    SELECT what, app_id, name,
        count(*) FILTER (is_now AND failed) AS failed_now,
        count(*) FILTER (is_now) AS finished_now,
        count(*) FILTER (NOT is_now AND failed) AS failed_before,
        count(*) FILTER (NOT is_now) AS finished_before,
        count(DISTINCT instance_id) FILTER (is_now AND failed) AS desktops
    FROM kinds
    GROUP BY what, app_id, name
),
-- An error is named where more than half of the failures have it.
errors AS (
    SELECT what, app_id, name, arg_max(error, (jobs, error)) AS error, max(jobs) AS jobs
    FROM (
        SELECT what, app_id, name, error, count(*) AS jobs
        FROM kinds
        WHERE is_now AND failed AND error IS NOT NULL
        GROUP BY ALL
    )
    GROUP BY ALL
),
compared AS (
    SELECT grouped.* REPLACE (
        if(grouped.finished_before = 0, apps.failed_before, grouped.failed_before) AS failed_before,
        if(grouped.finished_before = 0, apps.finished_before, grouped.finished_before) AS finished_before
    ), if(2 * errors.jobs > grouped.failed_now, errors.error, NULL) AS error
    FROM grouped
    LEFT JOIN errors ON errors.what = grouped.what AND errors.name = grouped.name
        AND errors.app_id IS NOT DISTINCT FROM grouped.app_id
    LEFT JOIN grouped AS apps ON apps.what = 'app' AND apps.app_id IS NOT DISTINCT FROM grouped.app_id
    WHERE grouped.finished_now > 0
),
moved AS (
    SELECT *, bool_or(what = 'version') OVER (PARTITION BY app_id, trend) AS is_by_version
    FROM judged('compared')
    WHERE trend IN ('worse', 'better')
)
SELECT
    'rate' AS kind,
    if(trend = 'worse', 900, 400) + 99 * evidence AS strength,
    CASE
        WHEN trend = 'better' THEN name || ' fails less: ' || share(failed_now, finished_now) || ', before '
            || share(failed_before, finished_before)
        WHEN failed_before = 0 THEN name || ' began to fail: ' || failed_now || ' of ' || finished_now || ' on '
            || counted(desktops, 'desktop') || coalesce(', mostly ' || error, '')
        ELSE name || ' fails more: ' || share(failed_now, finished_now) || ' on ' || counted(desktops, 'desktop')
            || ', before ' || share(failed_before, finished_before) || coalesce('; mostly ' || error, '')
    END AS sentence
FROM moved
-- Where a version moved, it is named and not its application.
WHERE what = 'version' OR NOT is_by_version;

CREATE OR REPLACE TEMP MACRO error_sentences(asked_since, asked_as_of) AS TABLE
SELECT 'error' AS kind, 700 + least(99, jobs) AS strength,
    'New error: ' || error || ' (' || counted(jobs, 'job') || ', ' || counted(apps, 'app') || ')' AS sentence
FROM (
    SELECT error, count(DISTINCT (_scope, id)) AS jobs, count(DISTINCT app_id) AS apps, min(seen_at) AS first_seen_at
    FROM install_failure_facts_as_of(asked_as_of)
    WHERE error IS NOT NULL AND _scope IN (FROM scopes_known('app_install_jobs_versions', asked_since))
    GROUP BY error
)
WHERE first_seen_at > CAST(asked_since AS TIMESTAMPTZ);

CREATE OR REPLACE TEMP MACRO list_sentences(asked_since, asked_as_of) AS TABLE
SELECT
    'list' AS kind,
    800 AS strength,
    sweeps.table_name || ' [' || sweeps.scope || '] '
        || CASE
            WHEN sweeps.verdict = 'failed' THEN 'could not be read: ' || coalesce(sweeps.error_message, 'no reason given')
            WHEN sweeps.verdict = 'unproved' THEN 'could not be proved complete'
            ELSE 'lacked ' || counted(sweeps.held_back, 'record') || ' at once; they are still shown'
        END AS sentence
FROM sweeps
WHERE sweeps.run_id = newest_reading(asked_as_of) AND (sweeps.pages > 0 OR sweeps.verdict = 'failed')
    AND (sweeps.verdict <> 'complete' OR sweeps.held_back > 0);

CREATE OR REPLACE TEMP MACRO job_sentences(asked_since, asked_as_of) AS TABLE
WITH
-- Only versions that began or ended between the two differ.
now AS (
    SELECT _scope, id, job_status FROM app_install_jobs_versions
    WHERE _valid_from > CAST(asked_since AS TIMESTAMPTZ) AND _valid_from <= CAST(asked_as_of AS TIMESTAMPTZ)
        AND (_valid_to IS NULL OR _valid_to > CAST(asked_as_of AS TIMESTAMPTZ))
),
before AS (
    SELECT _scope, id, job_status FROM app_install_jobs_versions
    WHERE _valid_from <= CAST(asked_since AS TIMESTAMPTZ)
        AND _valid_to > CAST(asked_since AS TIMESTAMPTZ) AND _valid_to <= CAST(asked_as_of AS TIMESTAMPTZ)
),
paired AS (
    SELECT
        now.id IS NOT NULL AS is_now,
        coalesce(now.job_status = 'FAIL', false) AS failed,
        coalesce(now.job_status = 'SUCCESS', false) AS succeeded,
        coalesce(now.job_status IN ('SUCCESS', 'FAIL'), false) AS finished,
        coalesce(before.job_status = 'FAIL', false) AS had_failed,
        coalesce(before.job_status IN ('SUCCESS', 'FAIL'), false) AS had_finished
    FROM now FULL JOIN before ON before._scope = now._scope AND before.id = now.id
    WHERE coalesce(now._scope, before._scope) IN (FROM scopes_known('app_install_jobs_versions', asked_since))
),
counts AS (
    SELECT
        count(*) FILTER (is_now AND finished AND NOT had_finished) AS ended,
        count(*) FILTER (is_now AND failed AND NOT had_finished) AS ended_badly,
        count(*) FILTER (is_now AND succeeded AND had_failed) AS recovered,
        count(*) FILTER (NOT is_now) AS gone
    FROM paired
)
SELECT 'jobs' AS kind, 300 AS strength,
    counted(ended, 'installation') || ' finished, ' || ended_badly || ' of them failed' AS sentence
FROM counts WHERE ended > 0
UNION ALL
SELECT 'jobs', 290, counted(recovered, 'failed job') || if(recovered = 1, ' was', ' were') || ' retried to success'
FROM counts WHERE recovered > 0
UNION ALL
SELECT 'jobs', 120, counted(gone, 'install job') || if(gone = 1, ' is', ' are') || ' gone from the list'
FROM counts WHERE gone > 0;

CREATE OR REPLACE TEMP MACRO app_sentences(asked_since, asked_as_of) AS TABLE
SELECT 'app' AS kind,
    CASE WHEN now.id IS NULL OR before.id IS NULL THEN 200 WHEN now.status IS DISTINCT FROM before.status THEN 600 ELSE 180 END
        AS strength,
    CASE
        WHEN before.id IS NULL THEN 'New application: ' || coalesce(now.name, now.id) || coalesce(' ' || now.version, '')
        WHEN now.id IS NULL THEN 'Application gone: ' || coalesce(before.name, before.id)
        WHEN now.status IS DISTINCT FROM before.status THEN coalesce(now.name, now.id) || ' is now '
            || coalesce(now.status, '(no status)') || ', before ' || coalesce(before.status, '(no status)')
        ELSE coalesce(now.name, now.id) || ' moved from version ' || coalesce(before.version, '(none)') || ' to '
            || coalesce(now.version, '(none)')
    END AS sentence
FROM apps_as_of(asked_as_of) AS now
FULL JOIN apps_as_of(asked_since) AS before ON before._scope = now._scope AND before.id = now.id
WHERE coalesce(now._scope, before._scope) IN (FROM scopes_known('apps_versions', asked_since))
    AND (now.id IS NULL OR before.id IS NULL OR now.status IS DISTINCT FROM before.status OR now.version IS DISTINCT FROM before.version);

-- Each deployment or job is news in the run that first saw it failed, however long ago it began. What began more than a
-- week before is no news: a listing that was not proved complete may show old records late.
CREATE OR REPLACE TEMP MACRO other_sentences(asked_since, asked_as_of) AS TABLE
WITH
deployments AS (
    SELECT arg_max(coalesce(name, id), _valid_from) AS name, arg_max(execution_state, _valid_from) AS state,
        min(_valid_from) AS seen_at
    FROM deploy_apps_versions
    WHERE execution_state IN ('failed', 'timeout') AND _valid_from <= CAST(asked_as_of AS TIMESTAMPTZ)
        AND _scope IN (FROM scopes_known('deploy_apps_versions', asked_since))
        AND execution_time > earlier_by_days(asked_since, 7)
    GROUP BY _scope, id, execution_time
),
image_failures AS (
    SELECT arg_max(job_type, _valid_from) AS type, min(_valid_from) AS seen_at
    FROM image_jobs_versions
    WHERE status = 'FAILED' AND _valid_from <= CAST(asked_as_of AS TIMESTAMPTZ)
        AND _scope IN (FROM scopes_known('image_jobs_versions', asked_since))
        AND begin_time > earlier_by_days(asked_since, 7)
    GROUP BY _scope, id
),
registry_failures AS (
    SELECT arg_max(type, _valid_from) AS type, arg_max(reason, _valid_from) AS reason, min(_valid_from) AS seen_at
    FROM swr_instance_jobs_versions
    WHERE status = 'Failed' AND _valid_from <= CAST(asked_as_of AS TIMESTAMPTZ)
        AND _scope IN (FROM scopes_known('swr_instance_jobs_versions', asked_since))
        AND created_at > earlier_by_days(asked_since, 7)
    GROUP BY _scope, id
)
SELECT 'deployment' AS kind, 650 AS strength,
    'Deployment of ' || name || if(state = 'timeout', ' timed out', ' failed') AS sentence
FROM deployments WHERE seen_at > CAST(asked_since AS TIMESTAMPTZ)
UNION ALL
SELECT 'image job', 620, counted(count(*), 'image job') || ' of type ' || coalesce(type, '(none)') || ' failed'
FROM image_failures WHERE seen_at > CAST(asked_since AS TIMESTAMPTZ) GROUP BY type
UNION ALL
SELECT 'registry job', 610, counted(count(*), 'registry job') || ' of type ' || coalesce(type, '(none)')
    || ' failed' || coalesce(': ' || nullif(mode(reason), ''), '')
FROM registry_failures WHERE seen_at > CAST(asked_since AS TIMESTAMPTZ) GROUP BY type;

CREATE OR REPLACE TEMP MACRO sentences(asked_since, asked_as_of) AS TABLE
WITH
everything AS (
    SELECT * FROM install_job_facts_as_of(asked_as_of)
)
SELECT kind, strength, sentence FROM rate_sentences('everything', asked_since, asked_as_of)
UNION ALL SELECT kind, strength, sentence FROM error_sentences(asked_since, asked_as_of)
UNION ALL SELECT kind, strength, sentence FROM list_sentences(asked_since, asked_as_of)
UNION ALL SELECT kind, strength, sentence FROM job_sentences(asked_since, asked_as_of)
UNION ALL SELECT kind, strength, sentence FROM app_sentences(asked_since, asked_as_of)
UNION ALL SELECT kind, strength, sentence FROM other_sentences(asked_since, asked_as_of);
