-- title: What became of the installations that failed?
-- group: installations
-- about: Jobs that a run saw as FAIL, by what came after: retried to success, failing again after a retry, pending again,
--   never tried again; and how many of them went back and forth (flapping: two failures or more with another status
--   between). A failure that came and went between two runs was never seen.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope, min = 1
-- by: app       app, app_id
-- by: version   app, app_version AS version, app_id
-- by: desktop   instance AS desktop, instance_id
-- by: user      target AS user
-- by: error     error
-- by: week      date_trunc('week', changed_at)::DATE AS week
-- alias: instance = desktop, target = user
-- wide: app_id, instance_id, flapping
-- bar: recovered_pct
-- note(tried_as_new_job): tried_as_new_job counts jobs that are FAIL and for which a later job was made for the same
--   application on the same desktop; the others that are FAIL and had no retry are never_tried_again.

WITH
selected AS (
    SELECT * FROM jobs($as_of, $app, $instance, $target, $scope)
    WHERE failed_ever AND in_range(update_time, $since, $until)
),
-- Failures with another status between them, for each job.
spells AS (
    SELECT _scope, id, count(*) FILTER (job_status = 'FAIL' AND before IS DISTINCT FROM 'FAIL') AS failures,
        bool_or(job_status IS DISTINCT FROM 'FAIL' AND had_failed) AS was_retried
    FROM (
        SELECT v._scope, v.id, v.job_status,
            lag(v.job_status) OVER life AS before,
            coalesce(bool_or(v.job_status = 'FAIL') OVER (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false)
                AS had_failed
        FROM app_install_jobs_versions AS v
        SEMI JOIN selected ON selected._scope = v._scope AND selected.id = v.id
        WHERE v._valid_from <= CAST($as_of AS TIMESTAMPTZ)
        WINDOW life AS (PARTITION BY v._scope, v.id ORDER BY v._valid_from)
    )
    GROUP BY _scope, id
),
-- A retry that failed again between two runs shows as a second failure at a later time.
repeats AS (
    SELECT _scope, id, count(DISTINCT failed_at) > 1 AS failed_twice
    FROM install_failure_facts_as_of($as_of)
    GROUP BY _scope, id
),
newest AS (
    SELECT _scope, app_id, instance_id, max(create_time) AS newest_at
    FROM app_install_jobs_as_of(CAST($as_of AS TIMESTAMPTZ))
    GROUP BY ALL
),
traced AS (
    SELECT
        selected.*,
        coalesce(spells.was_retried, false) OR coalesce(repeats.failed_twice, false) AS was_retried,
        coalesce(spells.failures, 0) > 1 AS is_flapping,
        coalesce(newest.newest_at > selected.create_time, false) AS has_newer_job
    FROM selected
    LEFT JOIN spells ON spells._scope = selected._scope AND spells.id = selected.id
    LEFT JOIN repeats ON repeats._scope = selected._scope AND repeats.id = selected.id
    LEFT JOIN newest ON newest._scope = selected._scope AND newest.app_id = selected.app_id
        AND newest.instance_id = selected.instance_id
)
SELECT
    {{columns}},
    count(*) AS failed_ever,
    count(*) FILTER (succeeded) AS retried_to_success,
    round(100 * count(*) FILTER (succeeded) / count(*), 1) AS recovered_pct,
    count(*) FILTER (failed AND was_retried) AS failed_again,
    count(*) FILTER (NOT finished) AS pending_again,
    count(*) FILTER (failed AND NOT was_retried AND has_newer_job) AS tried_as_new_job,
    count(*) FILTER (failed AND NOT was_retried AND NOT has_newer_job) AS never_tried_again,
    count(*) FILTER (is_flapping) AS flapping
FROM traced
GROUP BY ALL
HAVING count(*) >= CAST($min AS BIGINT)
ORDER BY never_tried_again DESC, failed_ever DESC, 1
