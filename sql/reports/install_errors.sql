-- title: Which errors make installations fail?
-- group: installations
-- about: The messages of failures that runs saw, with numbers, paths, addresses and ids folded, so that one cause is one
--   line: how many jobs it hit, of how many applications and on how many desktops, when first and last, and whether it
--   is new. A job counts once for each message that it failed with, and, as in all reports on installations, where it is
--   listed; one that is gone from the list does not count.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope, min = 1
-- wide: share_pct, apps_named, example
-- note(is_new): new marks an error that no failure in the days before the last 7 had, whatever is asked for, that of a job
--   which is gone from the list among them.
-- note(jobs): A number after a word such as "code" names the cause and is not folded.

WITH
facts AS MATERIALIZED (
    SELECT *, coalesce(error, '(no message)') AS folded FROM install_failure_facts_as_of($as_of)
),
failures AS (
    SELECT f.*, jobs.app
    FROM facts AS f
    JOIN jobs($as_of, $app, $instance, $target, $scope) AS jobs ON jobs._scope = f._scope AND jobs.id = f.id
),
-- Of all jobs, also of those that are gone or not asked for: what one of them failed with is not new.
firsts AS (
    SELECT folded, min(failed_at) AS first_ever_at FROM facts GROUP BY folded
),
selected AS (
    SELECT * FROM failures WHERE in_range(failed_at, $since, $until)
),
total AS (
    SELECT count(DISTINCT (_scope, id)) AS jobs FROM selected
)
SELECT
    selected.folded AS error,
    count(DISTINCT (selected._scope, selected.id)) AS jobs,
    count(DISTINCT selected.app_id) AS apps,
    count(DISTINCT selected.instance_id) AS desktops,
    min(selected.failed_at) AS first_seen,
    max(selected.failed_at) AS last_seen,
    CASE WHEN days_before(any_value(firsts.first_ever_at), $as_of, 7, 0) THEN 'new' END AS is_new,
    round(100 * count(DISTINCT (selected._scope, selected.id)) / any_value(total.jobs), 1) AS share_pct,
    array_to_string(list_sort(list_distinct(list(selected.app))), ', ') AS apps_named,
    arg_max(selected.error_message, selected.failed_at) AS example
FROM selected
JOIN firsts ON firsts.folded = selected.folded
CROSS JOIN total
GROUP BY selected.folded
HAVING count(DISTINCT (selected._scope, selected.id)) >= CAST($min AS BIGINT)
ORDER BY jobs DESC, last_seen DESC, error
