-- title: Do installations fail more often than in the weeks before?
-- group: installations
-- about: For each week in which installations finished (SUCCESS or FAIL): how many, how many of those failed, and how the
--   failure rate changed against the week before. A job counts in the week of its update_time, where that lies in the
--   range: since is inside it, until is not. Jobs without an update_time are left out.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of
-- by: overall  week
-- by: app      app_label AS app, app_id, week
-- note: Weeks are UTC and named by their Monday. The first and the last week of a range may be cut short by it.
-- note: failure_rate_pct is failed in percent of finished. change_pct_points is that rate less the rate of the seven days
--   before (failed_before of finished_before); it is empty where nothing finished in them.

WITH
asked AS (
    SELECT
        make_timestamp(epoch_us(CAST($since AS TIMESTAMPTZ))) AS since,
        make_timestamp(epoch_us(CAST($until AS TIMESTAMPTZ))) AS until
),
known AS (
    SELECT *, make_timestamp(epoch_us(update_time)) AS changed_at
    FROM app_install_jobs_as_of(CAST($as_of AS TIMESTAMPTZ))
),
apps AS (
    SELECT app_id, last(app_name ORDER BY create_time NULLS FIRST, _scope, id) AS app_label
    FROM known
    WHERE app_name IS NOT NULL
    GROUP BY app_id
),
weeks AS (
    SELECT
        date_trunc('week', changed_at)::DATE AS week,
        if(list_contains({{by}}, 'app'), app_id, NULL) AS app_id,
        count(*) AS finished,
        count(*) FILTER (job_status = 'FAIL') AS failed
    FROM known CROSS JOIN asked
    WHERE job_status IN ('SUCCESS', 'FAIL')
        AND changed_at IS NOT NULL
        AND (since IS NULL OR changed_at >= since)
        AND (until IS NULL OR changed_at < until)
    GROUP BY ALL
),
paired AS (
    SELECT
        weeks.*,
        apps.app_label,
        before.finished AS finished_before,
        before.failed AS failed_before
    FROM weeks
    LEFT JOIN weeks AS before ON before.week = weeks.week - 7 AND before.app_id IS NOT DISTINCT FROM weeks.app_id
    LEFT JOIN apps ON apps.app_id = weeks.app_id
)
SELECT
    {{columns}},
    finished,
    failed,
    round(100 * failed / finished, 1) AS failure_rate_pct,
    finished_before,
    failed_before,
    round(100 * failed / finished - 100 * failed_before / finished_before, 1) AS change_pct_points
FROM paired
-- The first columns are the week, or the app and the week.
ORDER BY 1, 2, 3
