-- title: How long do installations take, and did that change?
-- group: installations
-- about: Seconds from create_time to update_time of finished jobs: the median, and what 90 and 99 of 100 jobs stay below;
--   for the last 7 days, the 28 days before, and whether more jobs are slow now.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope, min = 1
-- by: app      app, app_id
-- by: version  app, app_version AS version, app_id
-- by: overall  'all' AS app
-- by: status   job_status AS status
-- by: desktop  instance AS desktop, instance_id
-- alias: instance = desktop
-- wide: app_id, instance_id, slow_7d, timed_7d, slow_28d_before, timed_28d_before
-- note(trend): trend compares the share of slow jobs, those above the 90 % mark of both times together, in the 7 days
--   before as_of with that in the 28 days before: worse is slower. Fisher's exact test, 95 % after correction.
-- note(jobs): A job that was retried counts from its creation to its last end.

WITH
selected AS (
    SELECT
        *,
        in_range(update_time, $since, $until) AS is_selected,
        days_before(update_time, $as_of, 7, 0) AS is_now,
        days_before(update_time, $as_of, 35, 7) AS is_before
    FROM jobs($as_of, $app, $instance, $target, $scope)
    WHERE duration_s >= 0
),
named AS (
    SELECT {{columns}}, duration_s, is_selected, is_now, is_before FROM selected
),
timed AS (
    SELECT
        * EXCLUDE (duration_s, is_selected, is_now, is_before),
        count(*) FILTER (is_selected) AS jobs,
        quantile_cont(duration_s, 0.5) FILTER (is_selected) AS median_s,
        quantile_cont(duration_s, 0.9) FILTER (is_selected) AS p90_s,
        quantile_cont(duration_s, 0.99) FILTER (is_selected) AS p99_s,
        quantile_cont(duration_s, 0.5) FILTER (is_now) AS median_7d_s,
        quantile_cont(duration_s, 0.5) FILTER (is_before) AS median_28d_before_s,
        quantile_cont(duration_s, 0.9) FILTER (is_now OR is_before) AS mark_s,
        coalesce(list(duration_s) FILTER (is_now), []) AS now_s,
        coalesce(list(duration_s) FILTER (is_before), []) AS before_s
    FROM named
    GROUP BY ALL
),
grouped AS (
    SELECT
        * EXCLUDE (mark_s, now_s, before_s),
        len([_hclake_s FOR _hclake_s IN now_s IF _hclake_s > mark_s]) AS failed_now,
        len(now_s) AS finished_now,
        len([_hclake_s FOR _hclake_s IN before_s IF _hclake_s > mark_s]) AS failed_before,
        len(before_s) AS finished_before
    FROM timed
)
SELECT
    * EXCLUDE (jobs, median_s, p90_s, p99_s, median_7d_s, median_28d_before_s, failed_now, finished_now, failed_before,
        finished_before, trend, evidence),
    jobs,
    round(median_s, 0)::BIGINT AS median_s,
    round(p90_s, 0)::BIGINT AS p90_s,
    round(p99_s, 0)::BIGINT AS p99_s,
    round(median_7d_s, 0)::BIGINT AS median_7d_s,
    round(median_28d_before_s, 0)::BIGINT AS median_28d_before_s,
    trend,
    evidence,
    failed_now AS slow_7d,
    finished_now AS timed_7d,
    failed_before AS slow_28d_before,
    finished_before AS timed_28d_before
FROM judged('grouped')
WHERE jobs >= CAST($min AS BIGINT) AND jobs > 0
ORDER BY p90_s DESC, jobs DESC, 1
