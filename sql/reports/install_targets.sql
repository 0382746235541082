-- title: Which desktops and users fail far more often than their applications explain?
-- group: installations
-- about: Desktops, or users, with more failures than would be expected if the failures of each application fell on all
--   its jobs alike. expected is that number, and evidence is 1 less the chance of as many failures or more, corrected for
--   the number of desktops compared. The strongest evidence comes first. Of what the rows are not grouped by, --instance
--   and --target choose the jobs that are counted; expected is always taken from all jobs of the application.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope, min = 1
-- by: desktop  instance AS desktop, instance_id
-- by: user     target AS user
-- alias: instance = desktop, target = user
-- wide: instance_id, apps, last_failed
-- note(evidence): judged says "fails far more" where the evidence is 95 % or more. The chance is that of a Poisson
--   distribution, which is never smaller than the exact one for so many failures.

WITH
selected AS (
    SELECT
        *,
        coalesce(matches(instance, CAST($instance AS VARCHAR)) OR instance_id = CAST($instance AS VARCHAR), false)
            AS is_instance,
        matches(target, CAST($target AS VARCHAR)) AS is_target
    FROM jobs($as_of, $app, NULL, NULL, $scope)
    WHERE finished AND in_range(update_time, $since, $until)
),
rates AS (
    SELECT app_id, count(*) FILTER (failed) AS failed, count(*) AS finished FROM selected GROUP BY app_id
),
per_app AS (
    SELECT
        {{columns}},
        app_id,
        count(*) FILTER (failed) AS failed,
        count(*) AS finished,
        string_agg(DISTINCT app) AS app,
        max(update_time) FILTER (failed) AS last_failed,
        bool_or(is_instance AND is_target) AS is_asked
    FROM selected
    WHERE (is_instance OR list_contains({{by}}, 'desktop')) AND (is_target OR list_contains({{by}}, 'user'))
    GROUP BY ALL
),
expected AS (
    SELECT
        per_app.*,
        -- The rate elsewhere would be too sure of itself: 0 of 1 there would prove that 1 of 1 here is no chance.
        per_app.finished * rates.failed / rates.finished AS expected
    FROM per_app
    JOIN rates ON rates.app_id IS NOT DISTINCT FROM per_app.app_id
),
counted AS (
    SELECT
        * EXCLUDE (app_id, failed, finished, app, expected, last_failed, is_asked),
        sum(failed)::BIGINT AS failed,
        sum(finished)::BIGINT AS finished,
        round(sum(expected), 9) AS expected,
        count(*) AS apps,
        max(last_failed) AS last_failed,
        bool_or(is_asked) AS is_asked
    FROM expected
    GROUP BY ALL
),
tested AS (
    SELECT *, poisson_at_least(failed, expected) AS p FROM counted
)
SELECT
    * EXCLUDE (failed, finished, expected, apps, last_failed, is_asked, p, q),
    failed,
    finished,
    round(expected, 1) AS expected,
    round(100 * failed / finished, 1) AS failure_rate_pct,
    round(1 - q, 4) AS evidence,
    if(q <= level(), 'fails far more', 'no clear sign') AS judged,
    apps,
    last_failed
FROM corrected('tested')
WHERE is_asked AND failed >= CAST($min AS BIGINT) AND failed > 0
ORDER BY p, failed DESC, 1
