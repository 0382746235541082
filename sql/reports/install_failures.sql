-- title: Which installations fail, and how often?
-- group: installations
-- about: How many installations finished (SUCCESS and FAIL) and how many of those failed, the worst first; and whether the
--   last 7 days are worse than the 28 days before. A job counts where its update_time lies in the range.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope, min = 0
-- by: app       app, app_id
-- by: version   app, app_version AS version, app_id
-- by: desktop   instance AS desktop, instance_id
-- by: user      target AS user
-- by: operator  operator
-- by: day       changed_at::DATE AS day
-- by: week      date_trunc('week', changed_at)::DATE AS week
-- by: error     error
-- by: scope     _scope AS scope
-- alias: instance = desktop, target = user
-- alone: error
-- wide: app_id, instance_id, pending, failed_ever, recovered, failed_28d_before, finished_28d_before,
--   rate_28d_before_pct
-- bar: failure_rate_pct
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
--   Worst first is by rate_low_pct, so that 1 of 1 does not come before 300 of 1000.
-- note(trend): trend compares the 7 days before as_of with the 28 days before those, whatever the range: worse or better
--   where Fisher's exact test gives evidence of 95 % or more after correction for the number of groups, too few where no
--   outcome could have.
-- note(failed_ever, recovered): failed_ever and recovered count jobs that a run saw as FAIL, and those of them that are
--   SUCCESS now. A failure that came and went between two runs was never seen.
-- note(pending): pending counts every other status, unknown ones and none at all among them.
-- note(week): A week is named by its Monday.
-- note(error): A job counts under the message of its newest failure that a run saw, and finished covers the jobs of all
--   messages and of none, so that the rates add up to the overall one.

WITH
selected AS (
    SELECT
        *,
        in_range(update_time, $since, $until) AS is_selected,
        days_before(update_time, $as_of, 7, 0) AS is_recent,
        days_before(update_time, $as_of, 35, 7) AS is_earlier
    FROM jobs($as_of, $app, $instance, $target, $scope)
),
grouped AS (
    SELECT
        {{columns}},
        count(*) FILTER (is_selected AND failed) AS failed,
        count(*) FILTER (is_selected AND finished) AS finished,
        count(*) FILTER (is_selected AND NOT finished) AS pending,
        count(*) FILTER (is_selected AND failed_ever) AS failed_ever,
        count(*) FILTER (is_selected AND failed_ever AND succeeded) AS recovered,
        count(*) FILTER (is_recent AND failed) AS failed_now,
        count(*) FILTER (is_recent AND finished) AS finished_now,
        count(*) FILTER (is_earlier AND failed) AS failed_before,
        count(*) FILTER (is_earlier AND finished) AS finished_before
    FROM selected
    WHERE NOT list_contains({{by}}, 'error') OR failed_ever
    GROUP BY ALL
    HAVING count(*) FILTER (is_selected) > 0
),
-- Grouped by error, the rate is taken of all jobs.
everything AS (
    SELECT
        count(*) FILTER (is_selected AND finished) AS finished,
        count(*) FILTER (is_recent AND finished) AS finished_now,
        count(*) FILTER (is_earlier AND finished) AS finished_before
    FROM selected
),
counted AS (
    SELECT grouped.* REPLACE (
        if(list_contains({{by}}, 'error'), everything.finished, grouped.finished) AS finished,
        if(list_contains({{by}}, 'error'), everything.finished_now, grouped.finished_now) AS finished_now,
        if(list_contains({{by}}, 'error'), everything.finished_before, grouped.finished_before) AS finished_before
    )
    FROM grouped CROSS JOIN everything
)
SELECT
    * EXCLUDE (failed, finished, pending, failed_ever, recovered, failed_now, finished_now, failed_before,
        finished_before, trend, evidence),
    failed,
    finished,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    failed_now AS failed_7d,
    finished_now AS finished_7d,
    -- A day or week is no group that could be worse than before.
    if(list_has_any({{by}}, ['day', 'week']), NULL, trend) AS trend,
    if(list_has_any({{by}}, ['day', 'week']), NULL, evidence) AS evidence,
    pending,
    failed_ever,
    recovered,
    failed_before AS failed_28d_before,
    finished_before AS finished_28d_before,
    round(100 * failed_before / nullif(finished_before, 0), 1) AS rate_28d_before_pct
FROM judged('counted')
WHERE finished >= CAST($min AS BIGINT)
-- The first columns are the group's name, or counts where it has fewer than three.
ORDER BY wilson_low(failed, finished) DESC NULLS LAST, failed DESC, finished DESC, pending DESC, 1, 2, 3
