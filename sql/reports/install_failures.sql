-- title: Installations that failed
-- about: How many installations finished (SUCCESS and FAIL), how many of those failed and how many are pending
--   (every other status, unknown ones and none at all among them), worst failure rate first. A job counts where its
--   update_time lies in the range: since is inside it, until is not.
-- needs: app_install_jobs, app_install_jobs_versions
-- param: since instant none
-- param: until instant none
-- param: as_of instant newest
-- by: app       app_label AS app, app_id
-- by: version   app_label AS app, app_version AS version, app_id
-- by: target    target
-- by: instance  instance_label AS instance, instance_id
-- by: operator  operator
-- by: day       changed_at::DATE AS day
-- by: week      date_trunc('week', changed_at)::DATE AS week
-- by: error     failure_message AS error
-- note: failure_rate_pct is failed in percent of finished; it is empty where nothing finished.
-- note: failed_ever and recovered count jobs that a run saw as FAIL, and those of them that are SUCCESS now. A failure
--   that came and went between two runs was never seen.
-- note: The columns _7d cover the 7 days before as_of and the columns _28d_before the 28 days before those, whatever the
--   range. trend is worse or better where the rate moved by 2 percentage points or more, steady where by less, and
--   too few where fewer than 20 jobs finished on either side.
-- note: Days and weeks are UTC, by when the job last changed; a week is named by its Monday.
-- note: By error, a job counts under the message of its newest failure that a run saw, and finished covers the jobs of
--   all messages and of none, so that the rates add up to the overall one.

WITH
asked AS (
    SELECT
        make_timestamp(epoch_us(CAST($since AS TIMESTAMPTZ))) AS since,
        make_timestamp(epoch_us(CAST($until AS TIMESTAMPTZ))) AS until,
        make_timestamp(epoch_us(CAST($as_of AS TIMESTAMPTZ))) AS as_of
),
known AS (
    SELECT *, make_timestamp(epoch_us(update_time)) AS changed_at
    FROM app_install_jobs_as_of(CAST($as_of AS TIMESTAMPTZ))
),
failures AS (
    SELECT _scope, id, nullif(last(error_message ORDER BY _valid_from), '') AS failure_message
    FROM app_install_jobs_versions
    WHERE job_status = 'FAIL' AND _valid_from <= CAST($as_of AS TIMESTAMPTZ)
    GROUP BY _scope, id
),
apps AS (
    SELECT app_id, last(app_name ORDER BY create_time NULLS FIRST, _scope, id) AS app_label
    FROM known
    WHERE app_name IS NOT NULL
    GROUP BY app_id
),
instances AS (
    SELECT instance_id, last(instance_name ORDER BY create_time NULLS FIRST, _scope, id) AS instance_label
    FROM known
    WHERE instance_name IS NOT NULL
    GROUP BY instance_id
),
jobs AS (
    SELECT
        known.* EXCLUDE (job_status),
        apps.app_label,
        instances.instance_label,
        failures.failure_message,
        failures.id IS NOT NULL AS failed_ever,
        job_status IS NOT DISTINCT FROM 'FAIL' AS failed,
        job_status IS NOT DISTINCT FROM 'SUCCESS' AS succeeded,
        failed OR succeeded AS finished,
        (since IS NULL OR coalesce(changed_at >= since, false))
            AND (until IS NULL OR coalesce(changed_at < until, false)) AS selected,
        changed_at >= as_of - INTERVAL 7 DAY AND changed_at < as_of AS recent,
        changed_at >= as_of - INTERVAL 35 DAY AND changed_at < as_of - INTERVAL 7 DAY AS earlier
    FROM known
    CROSS JOIN asked
    LEFT JOIN apps ON apps.app_id = known.app_id
    LEFT JOIN instances ON instances.instance_id = known.instance_id
    LEFT JOIN failures ON failures._scope = known._scope AND failures.id = known.id
),
grouped AS (
    SELECT
        {{columns}},
        count(*) FILTER (selected AND finished) AS finished,
        count(*) FILTER (selected AND failed) AS failed,
        count(*) FILTER (selected AND NOT finished) AS pending,
        count(*) FILTER (selected AND failed_ever) AS failed_ever,
        count(*) FILTER (selected AND failed_ever AND succeeded) AS recovered,
        count(*) FILTER (recent AND finished) AS finished_7d,
        count(*) FILTER (recent AND failed) AS failed_7d,
        count(*) FILTER (earlier AND finished) AS finished_28d_before,
        count(*) FILTER (earlier AND failed) AS failed_28d_before
    FROM jobs
    WHERE '{{by}}' <> 'error' OR failed_ever
    GROUP BY ALL
    HAVING count(*) FILTER (selected) > 0
),
everything AS (
    SELECT
        count(*) FILTER (selected AND finished) AS finished,
        count(*) FILTER (recent AND finished) AS finished_7d,
        count(*) FILTER (earlier AND finished) AS finished_28d_before
    FROM jobs
),
counted AS (
    SELECT grouped.* REPLACE (
        if('{{by}}' = 'error', everything.finished, grouped.finished) AS finished,
        if('{{by}}' = 'error', everything.finished_7d, grouped.finished_7d) AS finished_7d,
        if('{{by}}' = 'error', everything.finished_28d_before, grouped.finished_28d_before) AS finished_28d_before
    )
    FROM grouped CROSS JOIN everything
)
SELECT
    * EXCLUDE (finished, failed, pending, failed_ever, recovered,
        finished_7d, failed_7d, finished_28d_before, failed_28d_before),
    finished,
    failed,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    pending,
    failed_ever,
    recovered,
    finished_7d,
    failed_7d,
    round(100 * failed_7d / nullif(finished_7d, 0), 1) AS rate_7d_pct,
    finished_28d_before,
    failed_28d_before,
    round(100 * failed_28d_before / nullif(finished_28d_before, 0), 1) AS rate_28d_before_pct,
    -- Whole numbers, so that a difference of exactly 2 points counts as one.
    CASE
        WHEN finished_7d < 20 OR finished_28d_before < 20 THEN 'too few'
        WHEN 100 * (failed_7d * finished_28d_before - failed_28d_before * finished_7d)
            >= 2 * finished_7d * finished_28d_before THEN 'worse'
        WHEN 100 * (failed_28d_before * finished_7d - failed_7d * finished_28d_before)
            >= 2 * finished_7d * finished_28d_before THEN 'better'
        ELSE 'steady'
    END AS trend
FROM counted
-- The first columns are the group's name, or counts where it has fewer than three.
ORDER BY failed / nullif(finished, 0) DESC NULLS LAST, failed DESC, pending DESC, 1, 2, 3
