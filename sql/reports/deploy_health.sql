-- title: How healthy are the deployments?
-- group: jobs and deployments
-- about: Each application of CodeArts Deploy: the state of its latest deployment, how long it took, how often runs saw a
--   deployment of it fail, and what is odd about it: failed, running for more than a day, stale (not deployed for 90
--   days), never deployed, disabled. The odd ones come first.
-- needs: deploy_apps, deploy_apps_versions
-- takes: since, until, as_of, app, scope
-- by: app      name AS app, project_name AS project, id
-- by: project  project_name AS project
-- by: state    execution_state AS state
-- wide: id, latest_failed, still_running, stale, disabled, never_deployed
-- note(executions): executions and failed count the deployments that runs saw, by their execution_time, of which only the
--   newest is listed at any time: one that came and went between two runs was never seen.

WITH
known AS (
    SELECT * FROM deploy_apps_as_of(CAST($as_of AS TIMESTAMPTZ))
    WHERE (matches(name, CAST($app AS VARCHAR)) OR id = CAST($app AS VARCHAR)) AND matches(_scope, CAST($scope AS VARCHAR))
),
-- Each deployment in its last state.
executions AS (
    SELECT v._scope, v.id, v.execution_time,
        arg_max(v.execution_state, v._valid_from) AS state,
        arg_max(v.duration_s, v._valid_from) AS duration_s
    FROM deploy_apps_versions AS v
    WHERE v.execution_time IS NOT NULL AND v._valid_from <= CAST($as_of AS TIMESTAMPTZ)
        AND in_range(v.execution_time, $since, $until)
    GROUP BY v._scope, v.id, v.execution_time
),
counts AS (
    SELECT _scope, id,
        count(*) AS executions,
        count(*) FILTER (state = 'succeeded') AS succeeded,
        count(*) FILTER (state IN ('failed', 'timeout')) AS failed,
        list(duration_s) FILTER (state = 'succeeded') AS durations_s
    FROM executions
    GROUP BY _scope, id
),
described AS (
    SELECT
        known.*,
        coalesce(counts.executions, 0) AS executions,
        coalesce(counts.succeeded, 0) AS succeeded,
        coalesce(counts.failed, 0) AS failed,
        counts.durations_s,
        CASE
            WHEN known.is_disable THEN 'disabled'
            WHEN known.execution_state IN ('failed', 'timeout') THEN 'failed'
            WHEN known.execution_state IN ('running', 'pending')
                AND known.execution_time < earlier_by_days($as_of, 1) THEN 'still running'
            WHEN known.execution_state IN ('running', 'pending') THEN 'running'
            WHEN known.execution_time IS NULL THEN 'never deployed'
            WHEN known.execution_time < earlier_by_days($as_of, 90) THEN 'stale'
        END AS remark
    FROM known LEFT JOIN counts ON counts._scope = known._scope AND counts.id = known.id
)
SELECT
    {{columns}},
    count(*) AS apps,
    string_agg(DISTINCT remark, ', ' ORDER BY remark) AS remark,
    string_agg(DISTINCT execution_state, ', ' ORDER BY execution_state) AS latest_state,
    max(execution_time) AS last_deployed,
    sum(executions)::BIGINT AS executions,
    sum(failed)::BIGINT AS failed,
    round(100 * sum(failed) / nullif(sum(executions), 0), 1) AS failed_pct,
    round(list_median(flatten(list(durations_s))), 0)::BIGINT AS median_s,
    count(*) FILTER (remark = 'failed') AS latest_failed,
    count(*) FILTER (remark = 'still running') AS still_running,
    count(*) FILTER (remark = 'stale') AS stale,
    count(*) FILTER (remark = 'disabled') AS disabled,
    count(*) FILTER (remark = 'never deployed') AS never_deployed
FROM described
GROUP BY ALL
ORDER BY min(list_position(['still running', 'failed', 'stale', 'disabled', 'never deployed', 'running'], remark))
    NULLS LAST, failed DESC, last_deployed DESC NULLS LAST, 1
