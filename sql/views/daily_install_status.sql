-- title: Install jobs by status at the end of each day, from history
-- about: For each day since the first run, application and version: how many jobs stood in each status when the day
--   ended, in UTC, as the runs had seen them by then. A day on which nothing ran shows what was known the day before.
-- needs: app_install_jobs_versions
-- column: day                The day, as 2026-05-01.
-- column: app_id             Application.
-- column: app_version        Version of the application when the job was made.
-- column: job_status         Status in the API's words.
-- column: jobs               Jobs that stood so at the end of the day.

WITH
steps AS (
    SELECT make_timestamp(epoch_us(v._valid_from) // 86400000000 * 86400000000) AS day, v.app_id, v.app_version, v.job_status, 1 AS step
    FROM app_install_jobs_versions AS v
    WHERE v._valid_from <= {{at}}
    UNION ALL
    SELECT make_timestamp(epoch_us(v._valid_to) // 86400000000 * 86400000000) AS day, v.app_id, v.app_version, v.job_status, -1 AS step
    FROM app_install_jobs_versions AS v
    WHERE v._valid_to <= {{at}}
),
daily AS (
    SELECT day, app_id, app_version, job_status, sum(step) AS step
    FROM steps
    GROUP BY ALL
),
days AS (
    SELECT unnest(generate_series(min(day), max(day), INTERVAL 1 DAY)) AS day FROM daily
),
kinds AS (
    SELECT DISTINCT app_id, app_version, job_status FROM daily
),
counted AS (
    SELECT
        days.day,
        kinds.app_id,
        kinds.app_version,
        kinds.job_status,
        sum(daily.step) OVER (
            PARTITION BY kinds.app_id, kinds.app_version, kinds.job_status ORDER BY days.day
        )::BIGINT AS jobs
    FROM days
    CROSS JOIN kinds
    LEFT JOIN daily ON daily.day = days.day
        AND daily.app_id IS NOT DISTINCT FROM kinds.app_id
        AND daily.app_version IS NOT DISTINCT FROM kinds.app_version
        AND daily.job_status IS NOT DISTINCT FROM kinds.job_status
)
SELECT strftime(day, '%Y-%m-%d') AS day, app_id, app_version, job_status, jobs
FROM counted
WHERE jobs > 0
