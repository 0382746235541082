-- title: Which user groups see installations fail, and who was given up?
-- group: installations
-- about: How many installations for the users of each group finished and failed, the worst first; and how often a user was
--   given up: the first installation of an application failed, and no other was ordered for that user since.
-- needs: app_install_jobs, app_install_jobs_versions, desktop_users
-- takes: since, until, as_of, app, target, scope, min = 1
-- by: group  group_name AS "group"
-- by: user   user_name AS user
-- alias: target = user
-- wide: apps, users, last_failed
-- bar: failure_rate_pct
-- note(group): A user in several groups counts in each of them, so that the rows of groups add up to more than all jobs.
--   Groups are those that the user has at as_of, not those of the time of the installation.
-- note(group, user): The target of a job is joined to a user by name with domain or, where that finds none, by the name before
--   "@". "(user not listed)" are jobs whose target is no user of the list, or more than one. How a target is written was not
--   verified.
-- note(user): Users of the same name in several domains or projects share a row; users counts them.
-- note(given_up): given_up counts pairs of user and application. Later installations count wherever they were ordered, also
--   outside the range; whether the user or the administrator gave up, and whether a failure is from today, is not asked. A
--   job that was retried in its place and still failed counts as well.
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
--   Worst first is by rate_low_pct, so that 1 of 1 does not come before 300 of 1000.
-- note(expected, evidence, judged): judged compares a row with what would be expected if the failures of each application fell on all
--   its jobs alike, so that a group is not blamed for its applications. evidence is 1 less the chance of as many failures
--   or more (Poisson), corrected for the number of rows; judged says "fails far more" where it is 95 % or more.

WITH
listed AS (
    SELECT
        _region,
        _project,
        id,
        user_name,
        lower(user_name) AS name,
        lower(user_name || '@' || nullif(domain, '')) AS full_name,
        list_distinct(list_filter(group_names, lambda name: name <> '')) AS groups
    FROM desktop_users_as_of(CAST($as_of AS TIMESTAMPTZ))
    WHERE user_name <> ''
),
-- What a user may be called by, where it names one user alone.
called AS (
    SELECT _region, _project, name, any_value(id) AS id
    FROM (
        SELECT _region, _project, name, id FROM listed
        UNION
        SELECT _region, _project, full_name, id FROM listed WHERE full_name IS NOT NULL
    )
    GROUP BY ALL
    HAVING count(*) = 1
),
everything AS (
    SELECT *, lower(nullif(target, '')) AS called_as, split_part(lower(nullif(target, '')), '@', 1) AS short_name
    FROM jobs($as_of, $app, NULL, NULL, $scope)
),
known AS (
    SELECT everything.*, coalesce(exact.id, short.id) AS user_id
    FROM everything
    LEFT JOIN called AS exact ON exact._region = everything._region AND exact._project = everything._project
        AND exact.name = everything.called_as
    LEFT JOIN called AS short ON short._region = everything._region AND short._project = everything._project
        AND short.name = everything.short_name
),
named AS (
    SELECT
        known.*,
        coalesce(listed.user_name, nullif(known.target, '')) AS user_name,
        coalesce(known.user_id, known.called_as) AS whom,
        CASE
            WHEN known.called_as IS NULL THEN ['(no user)']
            WHEN known.user_id IS NULL THEN ['(user not listed)']
            WHEN coalesce(len(listed.groups), 0) = 0 THEN ['(no group)']
            ELSE listed.groups
        END AS groups
    FROM known
    LEFT JOIN listed ON listed._region = known._region AND listed._project = known._project AND listed.id = known.user_id
),
-- One job of each user and application whose jobs were all made at once and failed.
given_up AS (
    SELECT _region, _project, whom, app_id, min(id) AS id
    FROM named
    WHERE whom IS NOT NULL AND app_id IS NOT NULL
    GROUP BY _region, _project, whom, app_id
    HAVING bool_and(failed)
        AND (count(*) = 1 OR count(create_time) = count(*) AND min(create_time) = max(create_time))
),
finished AS (
    SELECT
        named.*,
        matches(named.target, CAST($target AS VARCHAR)) OR matches(named.user_name, CAST($target AS VARCHAR)) AS is_asked,
        given_up.id IS NOT NULL AS is_given_up
    FROM named
    LEFT JOIN given_up ON given_up._region = named._region AND given_up._project = named._project
        AND given_up.whom = named.whom AND given_up.app_id = named.app_id AND given_up.id = named.id
    WHERE named.finished AND in_range(named.update_time, $since, $until)
),
-- What is expected of one job.
app_rates AS (
    SELECT app_id, count(*) FILTER (failed) / count(*) AS app_rate FROM finished GROUP BY app_id
),
-- Once for each group where groups are asked for, and once otherwise.
members AS (
    SELECT finished.*, app_rates.app_rate,
        unnest(if(list_contains({{by}}, 'group'), finished.groups, [NULL])) AS group_name
    FROM finished
    JOIN app_rates ON app_rates.app_id IS NOT DISTINCT FROM finished.app_id
),
counted AS (
    SELECT
        {{columns}},
        count(*) FILTER (failed) AS failed,
        count(*) AS finished,
        round(sum(app_rate), 9) AS expected,
        count(*) FILTER (is_given_up) AS given_up,
        count(DISTINCT app_id) AS apps,
        count(DISTINCT (_region, _project, whom)) FILTER (whom IS NOT NULL) AS users,
        max(update_time) FILTER (failed) AS last_failed
    FROM members
    WHERE is_asked
    GROUP BY ALL
),
tested AS (
    SELECT *, poisson_at_least(failed, expected) AS p FROM counted
)
SELECT
    * EXCLUDE (failed, finished, expected, given_up, apps, users, last_failed, p, q),
    failed,
    finished,
    round(100 * failed / finished, 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    given_up,
    round(expected, 1) AS expected,
    round(1 - q, 4) AS evidence,
    if(q <= level(), 'fails far more', 'no clear sign') AS judged,
    apps,
    users,
    last_failed
FROM corrected('tested')
WHERE finished >= CAST($min AS BIGINT)
-- The first columns are the names of the group, or counts.
ORDER BY wilson_low(failed, finished) DESC, failed DESC, given_up DESC, finished DESC, 1, 2
