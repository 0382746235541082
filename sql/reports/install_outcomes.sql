-- title: What became of the install jobs of then?
-- group: changes
-- about: Install jobs by their status at one instant (since; the first run where it is left out) and at a later one
--   (as_of). Jobs that are missing at one of the two are shown separately.
-- needs: app_install_jobs, app_install_jobs_versions, runs, sweeps
-- takes: since, as_of
-- note: A project that was first read after since is compared from its first reading on.
-- note: A job that was listed without a status is shown as (none).

WITH
asked AS (
    SELECT CAST($since AS TIMESTAMPTZ) AS since, CAST($as_of AS TIMESTAMPTZ) AS last_at
),
first_read AS (
    SELECT sweeps.scope, min(runs.started_at) AS at
    FROM sweeps JOIN runs ON runs.run_id = sweeps.run_id
    WHERE sweeps.table_name = 'app_install_jobs' AND sweeps.verdict <> 'failed'
    GROUP BY sweeps.scope
),
-- Before its first reading nothing is known of a scope, which is not to say that nothing was there.
scopes AS (
    SELECT
        held._scope,
        greatest(asked.since, coalesce(first_read.at, (SELECT min(started_at) FROM runs))) AS first_at,
        asked.last_at
    FROM (SELECT DISTINCT _scope FROM app_install_jobs_versions) AS held
    CROSS JOIN asked
    LEFT JOIN first_read ON first_read.scope = held._scope
    WHERE coalesce(first_read.at <= asked.last_at, true)
),
first_seen AS (
    SELECT v._scope, v.id, coalesce(v.job_status, '(none)') AS status
    FROM app_install_jobs_versions AS v JOIN scopes ON scopes._scope = v._scope
    WHERE v._valid_from <= scopes.first_at AND (v._valid_to IS NULL OR v._valid_to > scopes.first_at)
),
last_seen AS (
    SELECT v._scope, v.id, coalesce(v.job_status, '(none)') AS status
    FROM app_install_jobs_versions AS v JOIN scopes ON scopes._scope = v._scope
    WHERE v._valid_from <= scopes.last_at AND (v._valid_to IS NULL OR v._valid_to > scopes.last_at)
),
jobs AS (
    SELECT
        coalesce(first_seen.status, '(not there yet)') AS status_then,
        coalesce(last_seen.status, '(gone)') AS status_now
    FROM first_seen FULL JOIN last_seen ON first_seen._scope = last_seen._scope AND first_seen.id = last_seen.id
)
SELECT status_then, status_now, count(*) AS jobs
FROM jobs
GROUP BY status_then, status_now
ORDER BY status_then = '(not there yet)', status_then, jobs DESC, status_now
