-- title: Which users cannot work?
-- group: users
-- about: What users did with their desktops (user_events) and their connections (login_records): how many ended well or
--   failed, how many failed, and whether that is more than would be expected if the failures of each kind of event fell on
--   all alike. The strongest evidence comes first. Rows in which nothing ended well or failed are left out.
-- needs: user_events, login_records
-- wants: desktops, workspace_sub_jobs
-- takes: since, until, as_of, target, scope, min = 1
-- param: list all|events|logins all  only what stands in this list
-- param: days count 30  after how many days without a connection a desktop counts as unused
-- by: user     user_name AS user, scope
-- by: error    error
-- by: agent    agent_version AS agent
-- by: network  network
-- by: day      began_at::DATE AS day
-- by: week     date_trunc('week', began_at)::DATE AS week
-- by: scope    scope
-- alias: target = user
-- alone: error
-- wide: scope, failed_events, finished_events, failed_logins, finished_logins, other, last_failed, desktops
-- bar: failure_rate_pct
-- note(failed, finished): An event failed where is_success is false, a connection where it has a reason for failure, and a
--   connection without one ended well where it was set up. other counts all else. Whether a reason is sent only for
--   connections that failed is not verified.
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson). One
--   attempt may stand in both lists and then counts twice, and attempts in a row are not independent, so that the
--   interval is too narrow. --param list=logins or list=events counts one list.
-- note(evidence): expected is the number of failures if those of each type of event, and those of connections, fell on all
--   alike. evidence is 1 less the chance of as many or more (Poisson), corrected for the number of rows compared; judged
--   says "fails far more" where it is 95 % or more. The two lists are tested apart and the stronger one counts, corrected
--   for two. As attempts in a row are not independent, it says that something is wrong, not what.
-- note(user): Letters of any case are one user, and so are a name and the same name with a domain, unless the project has
--   that name in two domains.
-- note(agent): Only connections name an agent. Grouped by agent, events do not count.
-- note(network): A network is the first three numbers of an IPv4 address that was come from, or another address in full.
-- note(error): A failure counts under its code, or its reason where it has no code; finished covers all attempts, so that the
--   rates add up to the overall one.
-- note(common_error): common_error is the error of most of the failures, and newest_agent the agent of the last connection.
-- note(unused_desktops): unused_desktops counts the desktops of the user, older than so many days, to which nobody
--   connected in the days before as_of. A desktop of several users counts for each, one that is assigned to a group for
--   none. The service shows connections of some 30 days only, so that of the time before the first run more is not known.
-- note(done_before): done_before names the jobs on the desktop of the newest failure, or on the user's where the failure
--   names none, that ran in the 24 hours before it. The zone of their times is not verified.
-- note(week): A week is named by its Monday.

WITH
known_desktops AS (
    SELECT *, coalesce(created, _first_seen) AS made_at FROM desktops_as_of(CAST($as_of AS TIMESTAMPTZ))
),
logins AS (
    SELECT *,
        CASE
            WHEN connection_failure_reason <> '' THEN false
            WHEN connection_setup_time IS NOT NULL THEN true
        END AS succeeded
    FROM login_records_as_of(CAST($as_of AS TIMESTAMPTZ))
),
attempts AS (
    SELECT 'events' AS list, event_type AS kind, _scope, _region, _project, event_time AS happened_at,
        nullif(username, '') AS name, is_success AS succeeded, coalesce(nullif(error_code, ''), nullif(error_msg, '')) AS error,
        NULL AS agent_version, source_ip, resource_id AS desktop_id
    FROM user_events_as_of(CAST($as_of AS TIMESTAMPTZ))
    UNION ALL
    SELECT 'logins', NULL, _scope, _region, _project, connection_start_time, nullif(user_name, ''), succeeded,
        connection_failure_reason, nullif(agent_version, ''), source_ip, desktop_id
    FROM logins
),
owners AS (
    SELECT _region, _project, desktop_id, user_name AS name FROM known_desktops WHERE user_name <> ''
    UNION
    SELECT _region, _project, desktop_id, info.user_name
    FROM (SELECT _region, _project, desktop_id, unnest(attach_user_infos) AS info FROM known_desktops)
    WHERE info.user_name <> '' AND upper(info.type) IS DISTINCT FROM 'GROUP'
),
names AS (
    SELECT _region, _project, name FROM attempts WHERE name IS NOT NULL
    UNION
    SELECT _region, _project, name FROM owners
),
domains AS (
    SELECT _region, _project, lower(split_part(name, '@', 1)) AS bare,
        count(DISTINCT lower(name)) FILTER (contains(name, '@')) AS names
    FROM names
    GROUP BY ALL
),
keyed AS (
    SELECT names.*, if(domains.names > 1, lower(names.name), domains.bare) AS user_key
    FROM names
    JOIN domains ON domains._region = names._region AND domains._project = names._project
        AND domains.bare = lower(split_part(names.name, '@', 1))
),
users AS (
    SELECT *, arg_max(name, if(contains(name, '@'), '1', '0') || name) OVER (PARTITION BY _region, _project, user_key)
        AS user_name
    FROM keyed
),
in_question AS NOT MATERIALIZED (
    SELECT * FROM attempts
    WHERE in_range(happened_at, $since, $until)
        AND matches(_scope, CAST($scope AS VARCHAR))
        AND CAST($list AS VARCHAR) IN (list, 'all')
        AND (list = 'logins' OR NOT list_contains({{by}}, 'agent'))
),
rates AS (
    SELECT list, kind, count(*) FILTER (NOT succeeded) / count(*) AS rate
    FROM in_question
    WHERE succeeded IS NOT NULL
    GROUP BY list, kind
),
-- Wide rows, which take longer to keep than to make again.
selected AS NOT MATERIALIZED (
    SELECT
        a.list, a.kind, a._scope AS scope, a._region, a._project, a.happened_at, a.agent_version, a.desktop_id, a.succeeded,
        users.user_key,
        users.user_name,
        local_time_on(a.happened_at, days.offset_s, days.changes_at, days.offset_after_s) AS began_at,
        a.succeeded IS NOT NULL AS finished,
        coalesce(NOT a.succeeded, false) AS failed,
        if(NOT a.succeeded, a.error, NULL) AS error,
        if(regexp_full_match(a.source_ip, '[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+'),
            regexp_extract(a.source_ip, '^[0-9]+\.[0-9]+\.[0-9]+') || '.0/24', nullif(a.source_ip, ''))
            AS network,
        matches(users.user_name, CAST($target AS VARCHAR)) OR matches(a.name, CAST($target AS VARCHAR)) AS is_asked
    FROM in_question AS a
    LEFT JOIN users ON users._region = a._region AND users._project = a._project AND users.name = a.name
    LEFT JOIN _hclake_days AS days ON days.day = without_zone(a.happened_at)::DATE
),
counted_in AS (
    SELECT selected.*, if(selected.finished, rates.rate, 0) AS rate
    FROM selected
    LEFT JOIN rates ON rates.list = selected.list AND rates.kind IS NOT DISTINCT FROM selected.kind
    WHERE selected.is_asked OR list_contains({{by}}, 'user')
),
grouped AS (
    SELECT
        {{columns}},
        count(*) FILTER (failed) AS failed,
        count(*) FILTER (finished) AS finished,
        count(*) FILTER (NOT finished) AS other,
        count(*) FILTER (list = 'events' AND failed) AS failed_events,
        count(*) FILTER (list = 'events' AND finished) AS finished_events,
        round(sum(rate) FILTER (list = 'events'), 9) AS expected_events,
        count(*) FILTER (list = 'logins' AND failed) AS failed_logins,
        count(*) FILTER (list = 'logins' AND finished) AS finished_logins,
        round(sum(rate) FILTER (list = 'logins'), 9) AS expected_logins,
        count(DISTINCT (_region, _project, user_key)) FILTER (failed AND user_key IS NOT NULL) AS users,
        histogram(error) FILTER (failed) AS errors,
        arg_max(agent_version, happened_at) AS newest_agent,
        max(happened_at) FILTER (succeeded) AS last_success,
        max(happened_at) FILTER (failed) AS last_failed,
        arg_max({'region': _region, 'project': _project, 'user_key': user_key, 'desktop_id': desktop_id,
            'happened_at': happened_at}, (happened_at, desktop_id)) FILTER (failed AND happened_at IS NOT NULL) AS newest_failure,
        any_value({'region': _region, 'project': _project, 'user_key': user_key}) AS who,
        bool_or(is_asked) AS is_asked
    FROM counted_in
    WHERE failed OR NOT list_contains({{by}}, 'error')
    GROUP BY ALL
    HAVING count(*) FILTER (finished) > 0
),
-- Grouped by error, the rate is taken of all attempts, and there is nothing to expect.
everything AS (
    SELECT count(*) AS finished FROM selected WHERE list_contains({{by}}, 'error') AND finished AND is_asked
),
numbered AS MATERIALIZED (
    SELECT grouped.* REPLACE (if(list_contains({{by}}, 'error'), everything.finished, grouped.finished) AS finished),
        row_number() OVER () AS number,
        CASE WHEN list_contains({{by}}, 'error') THEN NULL ELSE
            least(1, ((finished_events > 0)::BIGINT + (finished_logins > 0)::BIGINT) * least(
                if(finished_events > 0, poisson_at_least(failed_events, expected_events), 1),
                if(finished_logins > 0, poisson_at_least(failed_logins, expected_logins), 1))) END AS p
    FROM grouped CROSS JOIN everything
),
adjusted AS (
    FROM corrected('numbered')
),
-- Of the users of the rows: their desktops, and to which of them nobody connected.
used AS (
    SELECT DISTINCT _region, _project, desktop_id, sid
    FROM logins
    WHERE succeeded AND epoch_us(coalesce(connection_end_time, connection_start_time))
        >= epoch_us(CAST($as_of AS TIMESTAMPTZ)) - CAST($days AS BIGINT) * 86400000000
),
desktop_uses AS (
    SELECT _region, _project, desktop_id,
        coalesce(epoch_us(made_at) < epoch_us(CAST($as_of AS TIMESTAMPTZ)) - CAST($days AS BIGINT) * 86400000000, false)
            AND (_region, _project, desktop_id) NOT IN (
                SELECT (_region, _project, desktop_id) FROM used WHERE desktop_id IS NOT NULL)
            AND (_region, _project, coalesce(sid, '')) NOT IN (SELECT (_region, _project, sid) FROM used WHERE sid <> '')
            AS is_unused
    FROM known_desktops
),
owned AS (
    SELECT DISTINCT owners._region, owners._project, owners.desktop_id, users.user_key
    FROM owners
    JOIN users ON users._region = owners._region AND users._project = owners._project AND users.name = owners.name
),
possessions AS (
    SELECT owned._region, owned._project, owned.user_key, count(*) AS desktops,
        count(*) FILTER (desktop_uses.is_unused) AS unused_desktops
    FROM owned
    JOIN desktop_uses ON desktop_uses._region = owned._region AND desktop_uses._project = owned._project
        AND desktop_uses.desktop_id = owned.desktop_id
    GROUP BY ALL
),
desktop_jobs AS (
    SELECT _region, _project, desktop_id, job_type || if(upper(status) = 'FAILED', ' (failed)', '') AS job,
        begin_time, coalesce(end_time, begin_time) AS ended_at
    FROM workspace_sub_jobs_as_of(CAST($as_of AS TIMESTAMPTZ))
    WHERE desktop_id <> ''
),
-- An event may name another thing than a desktop.
desktop_ids AS (
    SELECT _region, _project, desktop_id FROM known_desktops
    UNION SELECT _region, _project, desktop_id FROM desktop_jobs
    UNION SELECT _region, _project, desktop_id FROM logins WHERE desktop_id <> ''
),
newest AS (
    SELECT n.number, n.newest_failure AS f, ids.desktop_id
    FROM numbered AS n
    LEFT JOIN desktop_ids AS ids ON ids._region = n.newest_failure.region AND ids._project = n.newest_failure.project
        AND ids.desktop_id = n.newest_failure.desktop_id
    WHERE n.newest_failure IS NOT NULL
),
failing AS (
    SELECT number, f, desktop_id FROM newest WHERE desktop_id IS NOT NULL
    UNION ALL
    SELECT newest.number, newest.f, owned.desktop_id
    FROM newest
    JOIN owned ON owned._region = newest.f.region AND owned._project = newest.f.project
        AND owned.user_key = newest.f.user_key
    WHERE newest.desktop_id IS NULL
),
touched AS (
    SELECT failing.number, string_agg(DISTINCT jobs.job, ', ' ORDER BY jobs.job) AS done_before
    FROM failing
    JOIN desktop_jobs AS jobs ON jobs._region = failing.f.region AND jobs._project = failing.f.project
        AND jobs.desktop_id = failing.desktop_id
        AND jobs.begin_time <= failing.f.happened_at
        AND epoch_us(jobs.ended_at) >= epoch_us(failing.f.happened_at) - 86400000000
    GROUP BY failing.number
)
SELECT
    adjusted.* EXCLUDE (failed, finished, other, failed_events, finished_events, expected_events, failed_logins,
        finished_logins, expected_logins, users, errors, newest_agent, last_success, last_failed, newest_failure, who,
        is_asked, number, p, q),
    failed,
    finished,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    if(q IS NULL, NULL, round(coalesce(expected_events, 0) + coalesce(expected_logins, 0), 1)) AS expected,
    round(1 - q, 4) AS evidence,
    CASE WHEN q <= level() THEN 'fails far more' WHEN q IS NOT NULL THEN 'no clear sign' END AS judged,
    users,
    -- The most of them, and of several with as many the first in the alphabet.
    list_sort([{'rest': -e.value::BIGINT, 'name': e.key} FOR e IN map_entries(errors)])[1].name AS common_error,
    newest_agent,
    last_success,
    last_failed,
    if(list_contains({{by}}, 'user'), coalesce(possessions.desktops, 0), NULL) AS desktops,
    if(list_contains({{by}}, 'user'), coalesce(possessions.unused_desktops, 0), NULL) AS unused_desktops,
    touched.done_before,
    failed_events,
    finished_events,
    failed_logins,
    finished_logins,
    other
FROM adjusted
LEFT JOIN possessions ON possessions._region = adjusted.who.region AND possessions._project = adjusted.who.project
    AND possessions.user_key = adjusted.who.user_key
LEFT JOIN touched ON touched.number = adjusted.number
WHERE is_asked AND finished >= CAST($min AS BIGINT)
ORDER BY p NULLS LAST, wilson_low(failed, finished) DESC NULLS LAST, failed DESC, finished DESC, 1, 2
