-- title: What got worse, and since when?
-- group: installations
-- about: Applications, versions and errors whose failure rate rose in the last days, the strongest evidence first, with
--   the day from which on it is worst. A version without jobs in the days before is compared with the other versions of
--   its application in those days.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: as_of, app, instance, target, scope, min = 1
-- param: days count 7  how many days before as_of are called "now"
-- param: days_before count 28  how many days before those are compared with
-- wide: compared_with, failed_before, finished_before, rate_before_pct
-- note(before): before is the rate in the days before: failed/finished, and in percent.
-- note(evidence): A rate rose where Fisher's exact test gives evidence of 95 % or more, after correction for all
--   applications, versions and errors that were compared.
-- note(first_bad_day): first_bad_day is the day since which, compared with the days before it, the rate is worst; of a
--   version without jobs in the days before, the day of its first failure.

WITH
selected AS (
    SELECT
        *,
        days_before(update_time, $as_of, CAST($days AS BIGINT), 0) AS is_now,
        changed_at::DATE AS day
    FROM jobs($as_of, $app, $instance, $target, $scope)
    WHERE finished
        AND days_before(update_time, $as_of, CAST($days AS BIGINT) + CAST($days_before AS BIGINT), 0)
),
-- Each job counts for its application, for its version, and, by error, against all jobs.
kinds AS (
    SELECT 'app' AS what, app_id, app AS name, day, is_now, failed FROM selected
    UNION ALL
    SELECT 'version', app_id, concat_ws(' ', app, app_version), day, is_now, failed FROM selected
    UNION ALL
    SELECT 'error', NULL, error, day, is_now, true FROM selected WHERE failed AND error IS NOT NULL
),
everything AS (
    SELECT day, count(*) AS finished FROM selected GROUP BY day
),
totals AS (
    SELECT
        count(*) FILTER (is_now) AS finished_now,
        count(*) FILTER (NOT is_now) AS finished_before
    FROM selected
),
grouped AS (
    SELECT
        what,
        app_id,
        name,
        count(*) FILTER (is_now AND failed) AS failed_now,
        count(*) FILTER (is_now) AS finished_now,
        count(*) FILTER (NOT is_now AND failed) AS failed_before,
        count(*) FILTER (NOT is_now) AS finished_before
    FROM kinds
    GROUP BY ALL
),
-- A new version has no past of its own.
apps_before AS (
    SELECT app_id, failed_before, finished_before FROM grouped WHERE what = 'app'
),
counted AS (
    SELECT
        grouped.what,
        grouped.app_id,
        grouped.name,
        grouped.failed_now,
        if(grouped.what = 'error', totals.finished_now, grouped.finished_now) AS finished_now,
        CASE
            WHEN grouped.what = 'version' AND grouped.finished_before = 0 THEN apps_before.failed_before
            ELSE grouped.failed_before
        END AS failed_before,
        CASE
            WHEN grouped.what = 'error' THEN totals.finished_before
            WHEN grouped.what = 'version' AND grouped.finished_before = 0 THEN apps_before.finished_before
            ELSE grouped.finished_before
        END AS finished_before,
        if(grouped.what = 'version' AND grouped.finished_before = 0, 'other versions', 'itself') AS compared_with
    FROM grouped
    CROSS JOIN totals
    LEFT JOIN apps_before ON apps_before.app_id IS NOT DISTINCT FROM grouped.app_id
    WHERE grouped.finished_now > 0
),
worse AS (
    SELECT * FROM judged('counted') WHERE trend = 'worse' AND failed_now >= CAST($min AS BIGINT)
),
-- The days of what got worse, with what failed and finished on each.
per_day AS (
    SELECT what, app_id, name, day, count(*) FILTER (failed) AS failed, count(*) AS finished
    FROM kinds
    GROUP BY ALL
),
days AS (
    SELECT
        worse.what,
        worse.app_id,
        worse.name,
        worse.compared_with,
        everything.day,
        coalesce(per_day.failed, 0) AS failed,
        if(worse.what = 'error', everything.finished, coalesce(per_day.finished, 0)) AS finished
    FROM worse
    CROSS JOIN everything
    LEFT JOIN per_day ON per_day.what = worse.what AND per_day.day = everything.day
        AND per_day.name IS NOT DISTINCT FROM worse.name AND per_day.app_id IS NOT DISTINCT FROM worse.app_id
),
splits AS (
    SELECT
        what, app_id, name, compared_with, day, failed,
        sum(failed) OVER since_day AS failed_since,
        sum(finished) OVER since_day AS finished_since,
        sum(failed) OVER whole - sum(failed) OVER since_day AS failed_till,
        sum(finished) OVER whole - sum(finished) OVER since_day AS finished_till
    FROM days
    WINDOW
        since_day AS (PARTITION BY what, app_id, name ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING),
        whole AS (PARTITION BY what, app_id, name)
),
firsts AS (
    SELECT
        what, app_id, name,
        if(compared_with = 'itself',
            arg_min(day, (fisher_exact(failed_since::BIGINT, finished_since::BIGINT, failed_till::BIGINT, finished_till::BIGINT), day))
                FILTER (failed > 0 AND failed_since * finished_till > failed_till * finished_since),
            min(day) FILTER (failed > 0)) AS first_bad_day
    FROM splits
    GROUP BY what, app_id, name, compared_with
)
SELECT
    worse.what,
    worse.name,
    worse.failed_now,
    worse.finished_now,
    round(100 * worse.failed_now / worse.finished_now, 1) AS rate_now_pct,
    rate_of(worse.failed_before, worse.finished_before) AS before,
    worse.evidence,
    firsts.first_bad_day,
    worse.compared_with,
    worse.failed_before,
    worse.finished_before,
    round(100 * worse.failed_before / worse.finished_before, 1) AS rate_before_pct
FROM worse
LEFT JOIN firsts ON firsts.what = worse.what AND firsts.name IS NOT DISTINCT FROM worse.name
    AND firsts.app_id IS NOT DISTINCT FROM worse.app_id
ORDER BY worse.evidence DESC, worse.failed_now DESC, worse.what, worse.name
