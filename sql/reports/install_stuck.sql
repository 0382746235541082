-- title: Which installations are stuck?
-- group: installations
-- about: Jobs that have not finished and wait longer than 99 of 100 finished jobs of their application took; where fewer
--   than 100 have finished, than 99 of 100 of all jobs. The longest wait comes first.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: as_of, app, instance, target, scope
-- wide: app_version, id, app_id, instance_id, _scope
-- note(waiting_h): waiting_h counts from when the job last changed, up to as_of.

WITH
selected AS (
    SELECT * FROM jobs($as_of, $app, $instance, $target, $scope)
),
-- How long jobs take is judged by all of them, whatever is asked for.
everything AS (
    SELECT * FROM jobs($as_of, NULL, NULL, NULL, NULL) WHERE duration_s >= 0
),
usual AS (
    SELECT app_id, quantile_cont(duration_s, 0.99) AS p99_s FROM everything GROUP BY app_id HAVING count(*) >= 100
),
overall AS (
    SELECT quantile_cont(duration_s, 0.99) AS p99_s FROM everything
),
waiting AS (
    SELECT
        selected.*,
        (epoch_us(CAST($as_of AS TIMESTAMPTZ)) - epoch_us(coalesce(update_time, create_time))) / 1e6 AS waiting_s,
        coalesce(usual.p99_s, overall.p99_s) AS p99_s
    FROM selected
    CROSS JOIN overall
    LEFT JOIN usual ON usual.app_id = selected.app_id
    WHERE NOT selected.finished
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
FROM waiting
WHERE waiting_s > p99_s
ORDER BY waiting_s DESC, id
