-- title: How do image jobs end, and how long do they take?
-- group: jobs and deployments
-- about: Image jobs of Workspace Application Streaming by type and status, in the API's words: how many, how long they
--   took, how many have run for more than a day, and the newest.
-- needs: image_jobs, image_jobs_versions
-- takes: since, until, as_of, scope
-- by: type    job_type AS type
-- by: status  status
-- by: week    date_trunc('week', begun_at)::DATE AS week
-- by: day     begun_at::DATE AS day
-- wide: p99_s
-- bar: failed_pct
-- note(failed_pct): failed_pct is failed in percent of succeeded and failed.
-- note(week): A week is named by its Monday. A job counts where its begin_time lies.

WITH
selected AS (
    SELECT
        known.*,
        local_time(known.begin_time) AS begun_at,
        (epoch_us(known.end_time) - epoch_us(known.begin_time)) / 1e6 AS duration_s
    FROM image_jobs_as_of(CAST($as_of AS TIMESTAMPTZ)) AS known
    WHERE in_range(known.begin_time, $since, $until) AND matches(known._scope, CAST($scope AS VARCHAR))
)
SELECT
    {{columns}},
    count(*) AS jobs,
    count(*) FILTER (status = 'SUCCESS') AS succeeded,
    count(*) FILTER (status = 'FAILED') AS failed,
    round(100 * count(*) FILTER (status = 'FAILED') / nullif(count(*) FILTER (status IN ('SUCCESS', 'FAILED')), 0), 1)
        AS failed_pct,
    count(*) FILTER (status IN ('RUNNING', 'WAITING')) AS running,
    count(*) FILTER (status IN ('RUNNING', 'WAITING') AND begin_time < earlier_by_days($as_of, 1))
        AS running_for_a_day,
    round(median(duration_s) FILTER (status IN ('SUCCESS', 'FAILED')), 0)::BIGINT AS median_s,
    round(quantile_cont(duration_s, 0.9) FILTER (status IN ('SUCCESS', 'FAILED')), 0)::BIGINT AS p90_s,
    round(quantile_cont(duration_s, 0.99) FILTER (status IN ('SUCCESS', 'FAILED')), 0)::BIGINT AS p99_s,
    max(begin_time) AS newest
FROM selected
GROUP BY ALL
ORDER BY failed DESC, jobs DESC, 1
