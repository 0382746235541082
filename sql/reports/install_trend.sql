-- title: How has the failure rate moved, week by week?
-- group: installations
-- about: For each week in which installations finished (SUCCESS or FAIL): how many, how many of those failed, the rolling
--   rate of four weeks, and whether the week was worse than the four weeks before it. A job counts in the week of its
--   update_time; jobs without one are left out.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope, min = 0
-- by: week     week
-- by: day      day
-- by: app      app, app_id
-- by: version  app, version, app_id
-- alias: overall = week
-- over: week, day
-- wide: app_id, rate_low_pct, rate_high_pct, rolling_failed, rolling_finished, failed_before, finished_before
-- bar: failure_rate_pct
-- note(week): A week is named by its Monday. "cut short" marks a week that begins before the range or ends after it.
-- note(rolling_rate_pct): rolling_rate_pct is the rate of the week and the three weeks before it; by day, of the day and
--   the six days before it.
-- note(trend): trend compares a week with the four weeks before it, a day with the four weeks before it: worse or better
--   where Fisher's exact test gives evidence of 95 % or more after correction for the number of rows, too few where no
--   outcome could have.

WITH
selected AS (
    SELECT
        *,
        if(list_contains({{by}}, 'day'), changed_at::DATE, date_trunc('week', changed_at)::DATE) AS period,
        if(list_contains({{by}}, 'day'), 1, 7) AS length_days
    FROM jobs($as_of, $app, $instance, $target, $scope)
    WHERE finished AND update_time IS NOT NULL AND in_range(update_time, NULL, $until)
),
periods AS (
    SELECT
        if(list_contains({{by}}, 'app') OR list_contains({{by}}, 'version'), app_id, NULL) AS app_id,
        if(list_contains({{by}}, 'app') OR list_contains({{by}}, 'version'), app, NULL) AS app,
        if(list_contains({{by}}, 'version'), app_version, NULL) AS version,
        period,
        any_value(length_days) AS length_days,
        count(*) AS finished,
        count(*) FILTER (failed) AS failed,
        count(*) FILTER (in_range(update_time, $since, NULL)) AS finished_in_range,
        count(*) FILTER (in_range(update_time, $since, NULL) AND failed) AS failed_in_range
    FROM selected
    GROUP BY ALL
),
rolling AS (
    SELECT
        *,
        (sum(failed) OVER recent)::BIGINT AS rolling_failed,
        (sum(finished) OVER recent)::BIGINT AS rolling_finished,
        coalesce(sum(failed) OVER before, 0)::BIGINT AS failed_before,
        coalesce(sum(finished) OVER before, 0)::BIGINT AS finished_before
    FROM periods
    WINDOW
        recent AS (PARTITION BY app_id, app, version ORDER BY period
            RANGE BETWEEN to_days(if(length_days = 1, 6, 21)::INTEGER) PRECEDING AND CURRENT ROW),
        before AS (PARTITION BY app_id, app, version ORDER BY period
            RANGE BETWEEN INTERVAL 28 DAY PRECEDING AND to_days(length_days::INTEGER) PRECEDING)
),
counted AS (
    SELECT
        * EXCLUDE (finished, failed),
        failed_in_range AS failed,
        finished_in_range AS finished,
        failed AS failed_now,
        finished AS finished_now,
        date_trunc('week', period)::DATE AS week,
        period AS day
    FROM rolling
    WHERE finished_in_range > 0 AND finished_in_range >= CAST($min AS BIGINT)
),
ends AS (
    SELECT
        local_time(CAST($since AS TIMESTAMPTZ)) AS first_at,
        local_time(least(coalesce(CAST($until AS TIMESTAMPTZ), TIMESTAMPTZ 'infinity'), CAST($as_of AS TIMESTAMPTZ))) AS last_at
)
SELECT
    {{columns}},
    failed,
    finished,
    round(100 * failed / finished, 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    round(100 * rolling_failed / rolling_finished, 1) AS rolling_rate_pct,
    rolling_failed,
    rolling_finished,
    failed_before,
    finished_before,
    trend,
    evidence,
    CASE WHEN period < first_at OR period + to_days(length_days::INTEGER) > last_at THEN 'cut short' END AS whole
FROM judged('counted') CROSS JOIN ends
ORDER BY ALL
