-- title: Which applications are there, and are they used?
-- group: inventory
-- about: Every application that App Center lists or that an install job names: its status, how often it was installed, and
--   what is odd about it: never installed, installed though forbidden, or no longer listed. The odd ones come first.
-- needs: apps, apps_versions, app_install_jobs, app_install_jobs_versions
-- takes: as_of, app, scope
-- wide: app_id, authorization_type, source, catalog, os, created, versions
-- note(remark): "installed though forbidden" means that a job of it was made after a run first saw it as FORBIDDEN.

WITH
statuses AS (
    SELECT v._scope, v.id, v.status, v._valid_from,
        lag(v.status) OVER (PARTITION BY v._scope, v.id ORDER BY v._valid_from) AS status_before
    FROM apps_versions AS v
    WHERE v._valid_from <= CAST($as_of AS TIMESTAMPTZ)
),
-- Since when it is FORBIDDEN, whatever else changed since.
forbidden AS (
    SELECT _scope, id, max(_valid_from) AS since
    FROM statuses
    WHERE status = 'FORBIDDEN' AND status_before IS DISTINCT FROM 'FORBIDDEN'
    GROUP BY _scope, id
),
described AS (
    SELECT
        app_dim.*,
        CASE
            WHEN NOT app_dim.is_listed THEN 'no longer listed'
            WHEN app_dim.status = 'FORBIDDEN' AND app_dim.last_job_at > forbidden.since THEN 'installed though forbidden'
            WHEN app_dim.jobs = 0 THEN 'never installed'
        END AS remark
    FROM app_dim_as_of($as_of) AS app_dim
    LEFT JOIN forbidden ON forbidden._scope = app_dim._scope AND forbidden.id = app_dim.app_id
)
SELECT
    app,
    version,
    status,
    remark,
    jobs,
    failed,
    finished,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    desktops,
    last_job_at AS last_job,
    versions,
    authorization_type,
    application_source AS source,
    catalog,
    support_os AS os,
    create_time AS created,
    app_id
FROM described
WHERE (matches(app, CAST($app AS VARCHAR)) OR app_id = CAST($app AS VARCHAR))
    AND matches(_scope, CAST($scope AS VARCHAR))
ORDER BY remark IS NULL, if(remark = 'installed though forbidden', 0, 1), remark, jobs DESC, app, app_id
