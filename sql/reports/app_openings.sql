-- title: Which server groups and images fail to open applications, and is it getting worse?
-- group: streaming
-- about: How many openings of streamed applications failed, the worst first; and whether the last 7 days are worse than
--   the 28 days before. An opening counts where its brokering_time lies in the range. It failed where it has a
--   failed_code.
-- needs: app_connections, app_connections_versions
-- wants: app_servers, app_server_groups
-- takes: since, until, as_of, app, scope, min = 0
-- by: group   server_group, server_group_id
-- by: image   image, image_id
-- by: app     app, app_id
-- by: day     opened_at::DATE AS day
-- by: week    date_trunc('week', opened_at)::DATE AS week
-- by: error   error
-- by: server  server
-- by: client  client
-- alone: error
-- wide: server_group_id, image_id, app_id, first_opening, last_opening, last_reason, failed_28d_before,
--   openings_28d_before, rate_28d_before_pct
-- bar: failure_rate_pct
-- note: No answer of the service with a failure was seen. By its documents, failed_code is empty where the opening went
--   well.
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
--   Worst first is by rate_low_pct, so that 1 of 1 does not come before 300 of 1000.
-- note(trend): trend compares the 7 days before as_of with the 28 days before those, whatever the range: worse or better
--   where Fisher's exact test gives evidence of 95 % or more after correction for the number of groups, too few where no
--   outcome could have. The service shows 30 days: until lists were read for some days, fewer days than 28 are behind it.
-- note(server_group): An opening counts for the group that it names, also where a standby of that group served it; where
--   it names none, for the group of its server at that time.
-- note(image): The image is that of the server when the application was opened, which counts from the server's
--   update_time on, or from the run that first saw it. "(not known then)" has no server, or one that was not listed at
--   that time. A new image has nothing before it to be compared with: see its interval beside that of other images.
-- note(error): Grouped by error, openings are those of all codes and of none, so that the rates add up to the overall one.
--   last_reason is the reason of the newest failure.
-- note(week): A week is named by its Monday.

WITH
-- Each server from the instant on that a version of it is known to hold for. It held since update_time, unless the record
-- was seen otherwise after that.
server_versions AS (
    SELECT v._region, v._project, v.id, nullif(v.sid, '') AS sid, v.image_id, v.server_group_id, v.server_group_name,
        v._valid_from, v._valid_to,
        lag(v._valid_from) OVER (PARTITION BY v._scope, v.id ORDER BY v._valid_from) AS seen_before_at,
        least(v.update_time, v._valid_from) AS changed_at
    FROM app_servers_versions AS v
    WHERE v._valid_from <= CAST($as_of AS TIMESTAMPTZ)
),
dated_servers AS (
    SELECT *, if(seen_before_at >= changed_at, _valid_from, changed_at) AS holds_from FROM server_versions
),
-- One of them at each instant, until the next holds.
by_id AS (
    SELECT *, lead(holds_from, 1, TIMESTAMPTZ 'infinity') OVER (
        PARTITION BY _region, _project, id ORDER BY holds_from, _valid_from) AS next_from
    FROM dated_servers
),
-- The same of each sid, which two servers may have.
by_sid AS (
    SELECT *, lead(holds_from, 1, TIMESTAMPTZ 'infinity') OVER (
        PARTITION BY _region, _project, sid ORDER BY holds_from, _valid_from, id) AS next_from
    FROM dated_servers
    WHERE sid IS NOT NULL
),
every_connection AS (
    SELECT _scope, _region, _project, app_id, app_name, primary_server_group_id, failed_code, connection_failure_reason,
        brokering_time, machine_name, aps_instance_name, client_type, client_version,
        nullif(aps_instance_id, '') AS server_id,
        nullif(sid, '') AS server_sid
    FROM app_connections_as_of(CAST($as_of AS TIMESTAMPTZ))
),
-- The newest name, as in the reports on installations.
app_names AS (
    SELECT _region, _project, app_id,
        arg_max(app_name, (coalesce(brokering_time, TIMESTAMPTZ '-infinity'), app_name)) AS name
    FROM every_connection
    WHERE app_id IS NOT NULL AND app_name <> ''
    GROUP BY ALL
),
connections AS (
    SELECT
        c.*,
        coalesce(app_names.name, nullif(c.app_name, ''), c.app_id) AS app
    FROM every_connection AS c
    LEFT JOIN app_names ON app_names._region = c._region AND app_names._project = c._project AND app_names.app_id = c.app_id
    WHERE (matches(app, CAST($app AS VARCHAR)) OR c.app_id = CAST($app AS VARCHAR))
        AND matches(c._scope, CAST($scope AS VARCHAR))
),
served AS (
    SELECT
        c.*,
        CASE
            WHEN by_id.id IS NOT NULL AND (by_id._valid_to IS NULL OR by_id._valid_to > c.brokering_time)
                THEN {'image_id': by_id.image_id, 'server_group_id': by_id.server_group_id,
                    'server_group_name': by_id.server_group_name}
            WHEN by_sid.id IS NOT NULL AND (by_sid._valid_to IS NULL OR by_sid._valid_to > c.brokering_time)
                THEN {'image_id': by_sid.image_id, 'server_group_id': by_sid.server_group_id,
                    'server_group_name': by_sid.server_group_name}
        END AS server_then
    FROM connections AS c
    LEFT JOIN by_id ON by_id._region = c._region AND by_id._project = c._project AND by_id.id = c.server_id
        AND by_id.holds_from <= c.brokering_time AND by_id.next_from > c.brokering_time
    LEFT JOIN by_sid ON by_sid._region = c._region AND by_sid._project = c._project AND by_sid.sid = c.server_sid
        AND by_sid.holds_from <= c.brokering_time AND by_sid.next_from > c.brokering_time
),
-- The newest name, also of a group that is gone.
group_names AS (
    SELECT _region, _project, id, arg_max(name, _valid_from) AS name
    FROM app_server_groups_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ) AND name <> ''
    GROUP BY ALL
),
image_names AS (
    SELECT _region, _project, image_id, arg_max(image_name, (_valid_from, image_name)) AS name
    FROM app_server_groups_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ) AND image_name <> ''
    GROUP BY ALL
),
identified AS (
    SELECT *,
        coalesce(nullif(primary_server_group_id, ''), nullif(server_then.server_group_id, '')) AS group_id,
        nullif(server_then.image_id, '') AS image_id
    FROM served
),
selected AS (
    SELECT
        i._scope,
        coalesce(
            group_names.name,
            if(i.group_id = i.server_then.server_group_id, nullif(i.server_then.server_group_name, ''), NULL),
            i.group_id
        ) AS server_group,
        i.group_id AS server_group_id,
        coalesce(image_names.name, i.image_id, '(not known then)') AS image,
        i.image_id,
        i.app,
        i.app_id,
        coalesce(nullif(i.machine_name, ''), nullif(i.aps_instance_name, ''), i.server_id) AS server,
        nullif(concat_ws(' ', nullif(i.client_type, ''), nullif(i.client_version, '')), '') AS client,
        nullif(i.failed_code, '') AS error,
        nullif(i.connection_failure_reason, '') AS reason,
        i.brokering_time,
        local_time(i.brokering_time) AS opened_at,
        coalesce(i.failed_code, '') <> '' AS failed,
        in_range(i.brokering_time, $since, $until) AS is_selected,
        days_before(i.brokering_time, $as_of, 7, 0) AS is_recent,
        days_before(i.brokering_time, $as_of, 35, 7) AS is_earlier
    FROM identified AS i
    LEFT JOIN group_names ON group_names._region = i._region AND group_names._project = i._project
        AND group_names.id = i.group_id
    LEFT JOIN image_names ON image_names._region = i._region AND image_names._project = i._project
        AND image_names.image_id = i.image_id
),
grouped AS (
    SELECT
        {{columns}},
        count(*) FILTER (is_selected AND failed) AS failed,
        count(*) FILTER (is_selected) AS finished,
        count(*) FILTER (is_recent AND failed) AS failed_now,
        count(*) FILTER (is_recent) AS finished_now,
        count(*) FILTER (is_earlier AND failed) AS failed_before,
        count(*) FILTER (is_earlier) AS finished_before,
        min(brokering_time) FILTER (is_selected) AS first_opening,
        max(brokering_time) FILTER (is_selected) AS last_opening,
        arg_max(reason, (brokering_time, reason)) FILTER (is_selected AND failed AND reason IS NOT NULL) AS last_reason
    FROM selected
    WHERE NOT list_contains({{by}}, 'error') OR failed
    GROUP BY ALL
    HAVING count(*) FILTER (is_selected) > 0
),
-- Grouped by error, the rate is taken of all openings.
everything AS (
    SELECT
        count(*) FILTER (is_selected) AS finished,
        count(*) FILTER (is_recent) AS finished_now,
        count(*) FILTER (is_earlier) AS finished_before
    FROM selected
),
counted AS (
    SELECT grouped.* REPLACE (
        if(list_contains({{by}}, 'error'), everything.finished, grouped.finished) AS finished,
        if(list_contains({{by}}, 'error'), everything.finished_now, grouped.finished_now) AS finished_now,
        if(list_contains({{by}}, 'error'), everything.finished_before, grouped.finished_before) AS finished_before
    )
    FROM grouped CROSS JOIN everything
)
SELECT
    * EXCLUDE (failed, finished, failed_now, finished_now, failed_before, finished_before, first_opening, last_opening,
        last_reason, trend, evidence),
    failed,
    finished AS openings,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    failed_now AS failed_7d,
    finished_now AS openings_7d,
    -- A day or week is no group that could be worse than before.
    if(list_has_any({{by}}, ['day', 'week']), NULL, trend) AS trend,
    if(list_has_any({{by}}, ['day', 'week']), NULL, evidence) AS evidence,
    first_opening,
    last_opening,
    last_reason,
    failed_before AS failed_28d_before,
    finished_before AS openings_28d_before,
    round(100 * failed_before / nullif(finished_before, 0), 1) AS rate_28d_before_pct
FROM judged('counted')
WHERE finished >= CAST($min AS BIGINT)
ORDER BY wilson_low(failed, finished) DESC NULLS LAST, failed DESC, finished DESC, 1, 2, 3
