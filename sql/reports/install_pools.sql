-- title: Is it the application or the desktop pool?
-- group: installations
-- about: How many installations finished and failed on the desktops of each pool, beside how many would be expected to
--   fail if the failures of each application fell on all its jobs alike. A pool that fails far more than expected has a
--   fault of its own; one that fails as often as expected only has applications that fail everywhere. The strongest
--   evidence comes first.
-- needs: app_install_jobs, app_install_jobs_versions, desktops, desktops_versions
-- wants: desktop_pools
-- takes: since, until, as_of, app, scope, min = 1
-- by: pool  pool, pool_id
-- by: app   app, app_id
-- wide: pool_id, app_id, apps, desktops, last_failed
-- bar: failure_rate_pct
-- note(expected): Grouped by application alone, it is the other way round: expected is what would fail if the failures of
--   each pool fell on all its jobs alike.
-- note(evidence, judged): evidence is 1 less the chance of as many failures or more (Poisson), corrected for the number of
--   rows compared. judged says "fails far more" where it is 95 % or more.
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
-- note(pool): The pool is the newest one that a run saw the desktop in, also if the desktop is gone since. "(no pool)"
--   are desktops that are in no pool. "(desktop not listed)" are jobs on what no run saw among the desktops, such as
--   servers of streamed applications; where the rows are pools, they are not compared.
-- note(pool, desktops): A job is joined to its desktop by instance_id, or else by instance_sid. That these are the ids in the
--   list of desktops is what the documents say; it was not verified.

WITH
-- Of all jobs of a pool, also where only one application is asked for: its rate stands on them.
finished AS (
    SELECT
        *,
        matches(app, CAST($app AS VARCHAR)) OR coalesce(app_id = CAST($app AS VARCHAR), false) AS is_asked
    FROM jobs($as_of, NULL, NULL, NULL, $scope)
    WHERE finished AND in_range(update_time, $since, $until)
),
seen AS (
    SELECT _region, _project, desktop_id, nullif(sid, '') AS sid, nullif(pool_id, '') AS pool_id, _valid_from
    FROM desktops_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ)
),
-- One row for each desktop, and one for each security identifier.
by_id AS (
    SELECT _region, _project, desktop_id, arg_max({'pool_id': pool_id}, _valid_from).pool_id AS pool_id
    FROM seen
    GROUP BY ALL
),
by_sid AS (
    SELECT _region, _project, sid, last(desktop_id ORDER BY _valid_from, desktop_id) AS desktop_id
    FROM seen
    WHERE sid IS NOT NULL
    GROUP BY ALL
),
pools AS (
    SELECT _region, _project, id, arg_max(name, _valid_from) AS name
    FROM desktop_pools_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ)
    GROUP BY ALL
),
-- The desktops of jobs on what no desktop's id names.
by_job AS (
    SELECT known._scope, known.id, by_sid.desktop_id
    FROM app_install_jobs_as_of(CAST($as_of AS TIMESTAMPTZ)) AS known
    ANTI JOIN by_id ON by_id._region = known._region AND by_id._project = known._project
        AND by_id.desktop_id = known.instance_id
    JOIN by_sid ON by_sid._region = known._region AND by_sid._project = known._project
        AND by_sid.sid = known.instance_sid
),
placed AS (
    -- A desktop in no pool has an id and no pool_id; what is no desktop has neither.
    SELECT finished.*, by_id.desktop_id, by_id.pool_id
    FROM finished
    LEFT JOIN by_job ON by_job._scope = finished._scope AND by_job.id = finished.id
    LEFT JOIN by_id ON by_id._region = finished._region AND by_id._project = finished._project
        AND by_id.desktop_id = coalesce(by_job.desktop_id, finished.instance_id)
),
named AS (
    SELECT
        placed.*,
        CASE
            WHEN placed.desktop_id IS NULL THEN '(desktop not listed)'
            WHEN placed.pool_id IS NULL THEN '(no pool)'
            ELSE coalesce(pools.name, placed.pool_id)
        END AS pool,
        placed.desktop_id IS NOT NULL OR NOT list_contains({{by}}, 'pool') AS is_compared,
        -- What the rows are compared within: the application, or the pool.
        CASE
            WHEN list_contains({{by}}, 'pool') THEN placed.app_id
            WHEN placed.desktop_id IS NULL THEN '(desktop not listed)'
            ELSE coalesce(placed.pool_id, '(no pool)')
        END AS cause
    FROM placed
    LEFT JOIN pools ON pools._region = placed._region AND pools._project = placed._project AND pools.id = placed.pool_id
),
grouped AS (
    SELECT
        {{columns}},
        count(*) FILTER (failed) AS failed,
        count(*) AS finished,
        round(sum(expected), 9) AS expected,
        count(DISTINCT app_id) AS apps,
        count(DISTINCT (_scope, coalesce(desktop_id, instance_id))) FILTER (coalesce(desktop_id, instance_id) IS NOT NULL)
            AS desktops,
        max(update_time) FILTER (failed) AS last_failed,
        bool_or(is_asked) AS is_asked
    FROM expected_by_cause('named')
    -- Applications are compared with all others, whichever are asked for.
    WHERE is_asked OR list_contains({{by}}, 'app')
    GROUP BY ALL
),
tested AS (
    SELECT *, CASE WHEN expected IS NOT NULL THEN poisson_at_least(failed, expected) END AS p
    FROM grouped
)
SELECT
    * EXCLUDE (failed, finished, expected, apps, desktops, last_failed, is_asked, p, q),
    failed,
    finished,
    round(expected, 1) AS expected,
    round(100 * failed / finished, 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    CASE WHEN p IS NOT NULL THEN round(1 - q, 4) END AS evidence,
    CASE WHEN p IS NULL THEN 'not compared' WHEN q <= level() THEN 'fails far more' ELSE 'no clear sign' END AS judged,
    apps,
    desktops,
    last_failed
FROM corrected('tested')
WHERE is_asked AND finished >= CAST($min AS BIGINT)
-- The first columns are the names and ids of the group, or counts.
ORDER BY p NULLS LAST, wilson_low(failed, finished) DESC, failed DESC, finished DESC, 1, 2, 3, 4
