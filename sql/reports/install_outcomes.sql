-- title: What became of install jobs
-- about: Install jobs by their status at one instant (since; the first run where it is left out) and at a later one
--   (as_of). Jobs that were not there at one of the two are told apart.
-- needs: app_install_jobs, app_install_jobs_versions, runs
-- param: since instant none
-- param: as_of instant newest
-- note: A job that was listed without a status is shown as (none).

WITH
asked AS (
    SELECT
        coalesce(CAST($since AS TIMESTAMPTZ), (SELECT min(started_at) FROM runs)) AS first_at,
        CAST($as_of AS TIMESTAMPTZ) AS last_at
),
first_seen AS (
    SELECT _scope, id, coalesce(job_status, '(none)') AS status
    FROM app_install_jobs_versions CROSS JOIN asked
    WHERE _valid_from <= first_at AND (_valid_to IS NULL OR _valid_to > first_at)
),
last_seen AS (
    SELECT _scope, id, coalesce(job_status, '(none)') AS status
    FROM app_install_jobs_versions CROSS JOIN asked
    WHERE _valid_from <= last_at AND (_valid_to IS NULL OR _valid_to > last_at)
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
