-- title: Which version of which application fails?
-- group: installations
-- about: Each version of each application: how many installations finished and failed, and whether it is worse or better
--   than the other versions of the same application together. The version with the newest job comes first.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope, min = 1
-- wide: app_id, rate_low_pct, rate_high_pct, failed_others, finished_others, first_job
-- bar: failure_rate_pct
-- cross: app, age, version_rate
-- note(version_rate): version_rate is the version, failed/finished, the failure rate, and worse or better where it is so.
-- note(age): newest is the version with the newest job, 1 before the one before it.
-- note(against_others, version_rate): A version is worse or better than the others where Fisher's exact test gives evidence
--   of 95 % or more after correction for the number of versions, too few to say where no outcome could have.

WITH
selected AS (
    SELECT * FROM jobs($as_of, $app, $instance, $target, $scope) WHERE finished AND in_range(update_time, $since, $until)
),
versions AS (
    SELECT
        app_id,
        any_value(app) AS app,
        app_version AS version,
        count(*) FILTER (failed) AS failed_now,
        count(*) AS finished_now,
        min(create_time) AS first_job,
        max(create_time) AS last_job
    FROM selected
    GROUP BY app_id, app_version
),
counted AS (
    SELECT
        *,
        (sum(failed_now) OVER of_app - failed_now)::BIGINT AS failed_before,
        (sum(finished_now) OVER of_app - finished_now)::BIGINT AS finished_before
    FROM versions
    WINDOW of_app AS (PARTITION BY app_id)
)
SELECT
    app,
    version,
    failed_now AS failed,
    finished_now AS finished,
    round(100 * failed_now / finished_now, 1) AS failure_rate_pct,
    trend AS against_others,
    evidence,
    last_job,
    app_id,
    round(100 * wilson_low(failed_now, finished_now), 1) AS rate_low_pct,
    round(100 * wilson_high(failed_now, finished_now), 1) AS rate_high_pct,
    failed_before AS failed_others,
    finished_before AS finished_others,
    first_job,
    if(row_number() OVER newest_first = 1, 'newest', (row_number() OVER newest_first - 1) || ' before') AS age,
    concat_ws(' ', coalesce(version, '(none)'), rate_of(failed_now, finished_now),
        if(trend IN ('worse', 'better'), trend, NULL)) AS version_rate
FROM judged('counted')
WHERE finished_now >= CAST($min AS BIGINT)
WINDOW newest_first AS (PARTITION BY app_id ORDER BY last_job DESC, version)
ORDER BY app, app_id, last_job DESC, version
