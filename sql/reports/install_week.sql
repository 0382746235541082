-- title: How did installations go in the last 7 days?
-- group: installations
-- about: One row: how many installations finished (SUCCESS and FAIL) and failed in the last 7 days and in the 7 days before
--   those, and what can be said of the difference. A job counts where its update_time lies.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: as_of, app, instance, target, scope
-- param: days count 7  how many days before as_of are called "now"; as many before those are compared with
-- wide: rate_before_low_pct, rate_before_high_pct, waiting
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
-- note(trend): trend is worse or better where Fisher's exact test gives evidence of 95 % or more, too few where no outcome
--   could have.

WITH
counted AS (
    SELECT
        count(*) FILTER (failed AND is_now) AS failed_now,
        count(*) FILTER (finished AND is_now) AS finished_now,
        count(*) FILTER (failed AND is_before) AS failed_before,
        count(*) FILTER (finished AND is_before) AS finished_before,
        count(*) FILTER (NOT finished) AS waiting
    FROM (
        SELECT
            failed,
            finished,
            days_before(update_time, $as_of, CAST($days AS BIGINT), 0) AS is_now,
            days_before(update_time, $as_of, 2 * CAST($days AS BIGINT), CAST($days AS BIGINT)) AS is_before
        FROM jobs($as_of, $app, $instance, $target, $scope)
    )
)
SELECT
    failed_now AS failed,
    finished_now AS finished,
    round(100 * failed_now / nullif(finished_now, 0), 1) AS failure_rate_pct,
    round(100 * wilson_low(failed_now, finished_now), 1) AS rate_low_pct,
    round(100 * wilson_high(failed_now, finished_now), 1) AS rate_high_pct,
    failed_before,
    finished_before,
    round(100 * failed_before / nullif(finished_before, 0), 1) AS rate_before_pct,
    trend,
    evidence,
    round(100 * wilson_low(failed_before, finished_before), 1) AS rate_before_low_pct,
    round(100 * wilson_high(failed_before, finished_before), 1) AS rate_before_high_pct,
    waiting
FROM judged('counted')
