-- title: Which installations are stuck?
-- group: installations
-- about: Jobs that have not finished and wait longer than 99 of 100 finished jobs of their application took; where fewer
--   than 100 have finished, than 99 of 100 of all jobs. The longest wait comes first.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: as_of, app, instance, target, scope
-- wide: app_version, id, app_id, instance_id, _scope
-- note(waiting_h): waiting_h counts from when the job last changed, up to as_of.

WITH
everything AS (
    SELECT * FROM jobs($as_of, NULL, NULL, NULL, NULL)
),
selected AS (
    SELECT * FROM jobs($as_of, $app, $instance, $target, $scope)
)
SELECT
    app,
    instance AS desktop,
    target AS user,
    job_status AS status,
    create_time AS created,
    round(waiting_s / 3600, 1) AS waiting_h,
    round(p99_s / 3600, 2) AS p99_h,
    app_version,
    id,
    app_id,
    instance_id,
    _scope
FROM stuck_jobs('selected', 'everything', $as_of)
ORDER BY waiting_s DESC, id
