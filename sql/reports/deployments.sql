-- title: How often do we deploy, how often does it fail, and how fast do we recover?
-- group: jobs and deployments
-- about: The executions of CodeArts Deploy: how many finished (succeeded and failed) and how many of those failed, the worst
--   first; how many succeed in a week, how long it takes from a failed execution to the next good one of the same task,
--   and whether the last 7 days are worse than the 28 days before. An execution counts where its start_time lies in the
--   range.
-- needs: deploy_records, deploy_records_versions, deploy_tasks, deploy_tasks_versions
-- wants: deploy_apps
-- takes: since, until, as_of, app, scope, min = 0
-- by: app       app, project, app_id
-- by: project   project, project_id
-- by: task      task, app, task_id
-- by: operator  operator
-- by: day       started_at::DATE AS day
-- by: week      date_trunc('week', started_at)::DATE AS week
-- by: scope     _scope AS scope
-- alias: application = app, user = operator
-- wide: app_id, project_id, task_id, other, failed_28d_before, finished_28d_before, rate_28d_before_pct
-- bar: failure_rate_pct
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
--   Worst first is by rate_low_pct, so that 1 of 1 does not come before 300 of 1000.
-- note(app): app is the application that the task belongs to, or whose list of tasks names it; a task of no application
--   stands under its own name. Names are the newest that runs saw, also of what is gone by now.
-- note(deployments_a_week): deployments_a_week counts the succeeded executions and divides them by the weeks of the range.
--   The range begins with the first execution that is known where it would begin before, and ends at as_of at the latest.
--   It is empty for a range of less than a day, and grouped by day or week, where the counts say it.
-- note(recovery_s): recovery_s is the median, over the failed executions, of the seconds from the end of one to the end of
--   the next succeeded one of its task, which may lie after the range. Each of several failures in a row counts. Where
--   no end was sent, the start and the duration stand for it.
-- note(recovery_s, unrecovered): unrecovered counts failed executions after which none of the same task succeeded up to as_of. They are
--   not in recovery_s: where they are many, the true recovery is slower. Those of a task that is no longer listed are in
--   neither.
-- note(median_s): median_s is the median duration of the succeeded executions.
-- note(executions): finished counts succeeded and failed. other, in no rate, counts every other state and none at all:
--   the documents name no more than these two, so that a timeout counts there as well.
-- note(trend): trend compares the 7 days before as_of with the 28 days before those, whatever the range: worse or better
--   where Fisher's exact test gives evidence of 95 % or more after correction for the number of groups, too few where no
--   outcome could have.
-- note(week): A week is named by its Monday.
-- note(day, week): The times come without a zone and are read in the one that is set for CodeArts. Which one the service
--   means is not verified.

WITH
-- What was known of each task, whether it is still listed or not.
tasks AS (
    SELECT _region, _project, coalesce(id, task_id) AS task_id,
        arg_max(name, _valid_from) AS name,
        arg_max(app_id, _valid_from) AS app_id,
        arg_max(project_name, _valid_from) AS project
    FROM deploy_tasks_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ)
    GROUP BY ALL
),
listed AS (
    SELECT DISTINCT _region, _project, coalesce(id, task_id) AS task_id
    FROM deploy_tasks_as_of(CAST($as_of AS TIMESTAMPTZ))
),
apps AS (
    SELECT _region, _project, id,
        arg_max(name, _valid_from) AS name,
        arg_max(project_name, _valid_from) AS project,
        arg_max(arrange_infos, _valid_from) AS arrange_infos
    FROM deploy_apps_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ)
    GROUP BY ALL
),
-- A task that several applications name belongs to the first of them, so that it counts once.
named_tasks AS (
    SELECT _region, _project, info.id AS task_id, min(id) AS app_id
    FROM (SELECT _region, _project, id, unnest(arrange_infos) AS info FROM apps)
    WHERE info.id IS NOT NULL
    GROUP BY ALL
),
known AS (
    SELECT *,
        lower(state) AS result,
        coalesce(epoch_us(end_time), epoch_us(start_time) + coalesce(duration_s, 0) * 1000000) AS ended_us
    FROM deploy_records_as_of(CAST($as_of AS TIMESTAMPTZ))
),
followed AS (
    SELECT *,
        coalesce(result IN ('succeeded', 'failed'), false) AS finished,
        coalesce(result = 'failed', false) AS failed,
        coalesce(result = 'succeeded', false) AS succeeded,
        min(ended_us) FILTER (result = 'succeeded') OVER (
            PARTITION BY _region, _project, task_id ORDER BY ended_us, release_id, execution_id
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS recovered_us
    FROM known
),
described AS (
    SELECT
        e._scope,
        e.task_id,
        e.start_time,
        e.operator,
        e.finished,
        e.failed,
        e.succeeded,
        local_time(e.start_time) AS started_at,
        coalesce(tasks.name, e.task_id) AS task,
        coalesce(tasks.app_id, named_tasks.app_id, e.task_id) AS app_id,
        coalesce(apps.name, tasks.app_id, named_tasks.app_id, tasks.name, e.task_id) AS app,
        coalesce(apps.project, tasks.project, e._project) AS project,
        e._project AS project_id,
        e.failed AND e.ended_us IS NOT NULL AND e.recovered_us IS NULL AND listed.task_id IS NOT NULL AS is_unrecovered,
        if(e.failed, (e.recovered_us - e.ended_us) / 1e6, NULL) AS recovery_s,
        if(e.succeeded, coalesce(e.duration_s, (epoch_us(e.end_time) - epoch_us(e.start_time)) / 1e6), NULL) AS took_s
    FROM followed AS e
    LEFT JOIN tasks ON tasks._region = e._region AND tasks._project = e._project AND tasks.task_id = e.task_id
    LEFT JOIN listed ON listed._region = e._region AND listed._project = e._project AND listed.task_id = e.task_id
    LEFT JOIN named_tasks ON named_tasks._region = e._region AND named_tasks._project = e._project
        AND named_tasks.task_id = e.task_id
    LEFT JOIN apps ON apps._region = e._region AND apps._project = e._project
        AND apps.id = coalesce(tasks.app_id, named_tasks.app_id)
),
selected AS (
    SELECT *,
        in_range(start_time, $since, $until) AS is_selected,
        days_before(start_time, $as_of, 7, 0) AS is_recent,
        days_before(start_time, $as_of, 35, 7) AS is_earlier
    FROM described
    WHERE (matches(app, CAST($app AS VARCHAR)) OR app_id = CAST($app AS VARCHAR))
        AND matches(_scope, CAST($scope AS VARCHAR))
),
-- The days of the range of which executions are known.
span AS (
    SELECT (least(epoch_us(CAST($until AS TIMESTAMPTZ)), epoch_us(CAST($as_of AS TIMESTAMPTZ)))
        - greatest(epoch_us(CAST($since AS TIMESTAMPTZ)), min(epoch_us(start_time)))) / 86400e6 AS days
    FROM known
),
counted AS (
    SELECT
        {{columns}},
        count(*) FILTER (is_selected) AS executions,
        count(*) FILTER (is_selected AND failed) AS failed,
        count(*) FILTER (is_selected AND finished) AS finished,
        count(*) FILTER (is_selected AND succeeded) AS succeeded,
        count(*) FILTER (is_selected AND is_unrecovered) AS unrecovered,
        median(recovery_s) FILTER (is_selected) AS recovery_s,
        median(took_s) FILTER (is_selected) AS took_s,
        count(*) FILTER (is_recent AND failed) AS failed_now,
        count(*) FILTER (is_recent AND finished) AS finished_now,
        count(*) FILTER (is_earlier AND failed) AS failed_before,
        count(*) FILTER (is_earlier AND finished) AS finished_before
    FROM selected
    GROUP BY ALL
    HAVING count(*) FILTER (is_selected) > 0
)
SELECT
    judged.* EXCLUDE (executions, failed, finished, succeeded, unrecovered, recovery_s, took_s, failed_now, finished_now,
        failed_before, finished_before, trend, evidence),
    executions,
    failed,
    finished,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    if(list_has_any({{by}}, ['day', 'week']) OR span.days < 1, NULL, round(7 * succeeded / span.days, 1))
        AS deployments_a_week,
    round(recovery_s, 0)::BIGINT AS recovery_s,
    unrecovered,
    round(took_s, 0)::BIGINT AS median_s,
    failed_now AS failed_7d,
    finished_now AS finished_7d,
    -- A day or week is no group that could be worse than before.
    if(list_has_any({{by}}, ['day', 'week']), NULL, trend) AS trend,
    if(list_has_any({{by}}, ['day', 'week']), NULL, evidence) AS evidence,
    executions - finished AS other,
    failed_before AS failed_28d_before,
    finished_before AS finished_28d_before,
    round(100 * failed_before / nullif(finished_before, 0), 1) AS rate_28d_before_pct
FROM judged('counted') AS judged CROSS JOIN span
WHERE finished >= CAST($min AS BIGINT)
-- The first columns are the group's name, or counts where it has fewer than three.
ORDER BY wilson_low(failed, finished) DESC NULLS LAST, failed DESC, finished DESC, executions DESC, 1, 2, 3
