-- title: How do the jobs of the image registry end, and why do they fail?
-- group: jobs and deployments
-- about: Jobs of SWR Enterprise by type, status or reason, in the API's words: how many, how long they took, how many have
--   not ended for more than a day, and the newest.
-- needs: swr_instance_jobs, swr_instance_jobs_versions
-- takes: since, until, as_of, scope
-- by: type      type
-- by: status    status
-- by: reason    nullif(reason, '') AS reason
-- by: resource  resource_name AS resource
-- by: week      date_trunc('week', made_at)::DATE AS week
-- by: day       made_at::DATE AS day
-- bar: failed_pct
-- note(failed_pct): failed_pct is failed in percent of succeeded and failed.
-- note(week): A week is named by its Monday. A job counts where its created_at lies.

WITH
selected AS (
    SELECT
        known.*,
        local_time(known.created_at) AS made_at,
        (epoch_us(known.updated_at) - epoch_us(known.created_at)) / 1e6 AS duration_s
    FROM swr_instance_jobs_as_of(CAST($as_of AS TIMESTAMPTZ)) AS known
    WHERE in_range(known.created_at, $since, $until) AND matches(known._scope, CAST($scope AS VARCHAR))
)
SELECT
    {{columns}},
    count(*) AS jobs,
    count(*) FILTER (status = 'Success') AS succeeded,
    count(*) FILTER (status = 'Failed') AS failed,
    round(100 * count(*) FILTER (status = 'Failed') / nullif(count(*) FILTER (status IN ('Success', 'Failed')), 0), 1)
        AS failed_pct,
    count(*) FILTER (status IS NULL OR status NOT IN ('Success', 'Failed')) AS running,
    count(*) FILTER ((status IS NULL OR status NOT IN ('Success', 'Failed'))
        AND created_at < earlier_by_days($as_of, 1)) AS running_for_a_day,
    round(median(duration_s) FILTER (status IN ('Success', 'Failed')), 0)::BIGINT AS median_s,
    round(quantile_cont(duration_s, 0.9) FILTER (status IN ('Success', 'Failed')), 0)::BIGINT AS p90_s,
    max(created_at) AS newest
FROM selected
GROUP BY ALL
ORDER BY failed DESC, jobs DESC, 1
