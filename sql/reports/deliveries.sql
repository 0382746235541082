-- title: Where do deliveries die?
-- group: jobs and deployments
-- about: The runs of CodeArts pipelines: how many finished (COMPLETED and FAILED) and how many of those failed, the worst
--   first; the stage in which most of them died, how long runs take, how long the builds of their commits queued and
--   built, and whether the last 7 days are worse than the 28 days before. A run counts where its start_time lies in the
--   range.
-- needs: pipeline_runs, pipelines, pipelines_versions
-- wants: build_records
-- takes: since, until, as_of, scope, min = 0
-- param: pipeline text *  only this pipeline: its name or id; * stands for any text, =NAME is meant as written
-- by: pipeline  pipeline, project, pipeline_id
-- by: branch    branch
-- by: trigger   trigger
-- by: stage     stage
-- by: project   project, project_id
-- by: day       began_at::DATE AS day
-- by: week      date_trunc('week', began_at)::DATE AS week
-- by: scope     _scope AS scope
-- alone: stage
-- wide: pipeline_id, project_id, other, failed_28d_before, finished_28d_before, rate_28d_before_pct
-- bar: failure_rate_pct
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
--   Worst first is by rate_low_pct, so that 1 of 1 does not come before 300 of 1000.
-- note(dies_in, dies_in_runs): dies_in is the stage in which most of the failed runs died, and dies_in_runs how many did. A
--   run died in its first stage that is FAILED or ASYNC_FAILED. Stages are compared by name.
-- note(stage): A run that failed counts under its first stage that failed, or under none where it names no such stage.
--   finished covers the runs of all stages and the good ones, so that the rates add up to the overall one.
-- note(branch): branch is the one that the run was for, or into which was to be merged; all runs for tags stand together
--   as (tag).
-- note(runs): A run counts once, in its last state, also where stages of it were tried again. other, in no rate, counts
--   RUNNING, CANCELED, PAUSED, SUSPEND, IGNORED and unknown states.
-- note(median_s): median_s is the median of the seconds that finished runs took, with the time that they waited for an
--   approval.
-- note(builds, queued_s, building_s): A run names no build. builds are those of the commits that the runs were for, in the
--   same region, whatever started them; one counts once in each row that has its commit. queued_s and building_s are
--   medians of the seconds before such a build began, and from then to its end. That the two lists write a commit alike
--   is not verified. They are empty where no build was found, and where build_records is not read.
-- note(trend): trend compares the 7 days before as_of with the 28 days before those, whatever the range: worse or better
--   where Fisher's exact test gives evidence of 95 % or more after correction for the number of groups, too few where no
--   outcome could have.
-- note(week): A week is named by its Monday.

WITH
-- The newest names, also of what is gone by now.
names AS (
    SELECT _region, _project, pipeline_id,
        arg_max(name, _valid_from) AS name,
        arg_max(project_name, _valid_from) AS project
    FROM pipelines_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ)
    GROUP BY ALL
),
described AS (
    SELECT
        r._scope,
        r.start_time,
        local_time(r.start_time) AS began_at,
        r.pipeline_id,
        coalesce(names.name, r.pipeline_id) AS pipeline,
        coalesce(names.project, r._project) AS project,
        r._project AS project_id,
        coalesce(nullif(r.target_branch, ''), if(r.tag <> '', '(tag)', NULL)) AS branch,
        r.trigger_type AS trigger,
        coalesce(upper(r.status) IN ('COMPLETED', 'FAILED'), false) AS finished,
        coalesce(upper(r.status) = 'FAILED', false) AS failed,
        list_min([
            {'place': coalesce(s.sequence, 2147483647), 'name': coalesce(nullif(s.name, ''), s.id)}
            FOR s IN r.stage_status_list IF upper(r.status) = 'FAILED' AND upper(s.status) IN ('FAILED', 'ASYNC_FAILED')
        ]).name AS stage,
        (epoch_us(r.end_time) - epoch_us(r.start_time)) / 1e6 AS took_s,
        if(r.commit_id <> '', {'region': r._region, 'revision': r.commit_id}, NULL) AS commit
    FROM pipeline_runs_as_of(CAST($as_of AS TIMESTAMPTZ)) AS r
    LEFT JOIN names ON names._region = r._region AND names._project = r._project AND names.pipeline_id = r.pipeline_id
),
selected AS (
    SELECT *,
        in_range(start_time, $since, $until) AS is_selected,
        days_before(start_time, $as_of, 7, 0) AS is_recent,
        days_before(start_time, $as_of, 35, 7) AS is_earlier
    FROM described
    WHERE (matches(pipeline, CAST($pipeline AS VARCHAR)) OR pipeline_id = CAST($pipeline AS VARCHAR))
        AND matches(_scope, CAST($scope AS VARCHAR))
),
grouped AS (
    SELECT
        {{columns}},
        count(*) FILTER (is_selected) AS runs,
        count(*) FILTER (is_selected AND failed) AS failed,
        count(*) FILTER (is_selected AND finished) AS finished,
        count(*) FILTER (is_selected AND NOT finished) AS other,
        median(took_s) FILTER (is_selected AND finished) AS took_s,
        histogram(stage) FILTER (is_selected AND failed) AS stages,
        list(DISTINCT commit) FILTER (is_selected AND commit IS NOT NULL) AS commits,
        count(*) FILTER (is_recent AND failed) AS failed_now,
        count(*) FILTER (is_recent AND finished) AS finished_now,
        count(*) FILTER (is_earlier AND failed) AS failed_before,
        count(*) FILTER (is_earlier AND finished) AS finished_before
    FROM selected
    WHERE NOT list_contains({{by}}, 'stage') OR failed
    GROUP BY ALL
    HAVING count(*) FILTER (is_selected) > 0
),
numbered AS MATERIALIZED (
    SELECT *, row_number() OVER () AS number FROM grouped
),
-- A row holds a commit once, so that each of its builds counts once there.
built AS (
    SELECT n.number,
        count(*) AS builds,
        median((epoch_us(b.start_time) - epoch_us(coalesce(b.queued_time, b.create_time))) / 1e6) AS queued_s,
        median((epoch_us(b.finish_time) - epoch_us(b.start_time)) / 1e6) AS building_s
    FROM (SELECT number, unnest(commits) AS commit FROM numbered) AS n
    JOIN build_records_as_of(CAST($as_of AS TIMESTAMPTZ)) AS b
        ON b._region = n.commit.region AND b.revision = n.commit.revision
    GROUP BY n.number
),
-- Grouped by stage, the rate is taken of all runs.
everything AS (
    SELECT
        count(*) FILTER (is_selected AND finished) AS finished,
        count(*) FILTER (is_recent AND finished) AS finished_now,
        count(*) FILTER (is_earlier AND finished) AS finished_before
    FROM selected
),
counted AS (
    SELECT numbered.* EXCLUDE (number, commits) REPLACE (
        if(list_contains({{by}}, 'stage'), everything.finished, numbered.finished) AS finished,
        if(list_contains({{by}}, 'stage'), everything.finished_now, numbered.finished_now) AS finished_now,
        if(list_contains({{by}}, 'stage'), everything.finished_before, numbered.finished_before) AS finished_before,
        -- The most of them, and of several with as many the first in the alphabet.
        list_sort([{'rest': -e.value::BIGINT, 'name': e.key} FOR e IN map_entries(numbered.stages)])[1] AS stages
    ), built.builds, built.queued_s, built.building_s
    FROM numbered
    CROSS JOIN everything
    LEFT JOIN built ON built.number = numbered.number
)
SELECT
    * EXCLUDE (runs, failed, finished, other, took_s, stages, builds, queued_s, building_s, failed_now, finished_now,
        failed_before, finished_before, trend, evidence),
    runs,
    failed,
    finished,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    stages.name AS dies_in,
    -stages.rest AS dies_in_runs,
    round(took_s, 0)::BIGINT AS median_s,
    builds,
    round(queued_s, 0)::BIGINT AS queued_s,
    round(building_s, 0)::BIGINT AS building_s,
    failed_now AS failed_7d,
    finished_now AS finished_7d,
    -- A day or week is no group that could be worse than before.
    if(list_has_any({{by}}, ['day', 'week']), NULL, trend) AS trend,
    if(list_has_any({{by}}, ['day', 'week']), NULL, evidence) AS evidence,
    other,
    failed_before AS failed_28d_before,
    finished_before AS finished_28d_before,
    round(100 * failed_before / nullif(finished_before, 0), 1) AS rate_28d_before_pct
FROM judged('counted')
WHERE finished >= CAST($min AS BIGINT)
-- The first columns are the group's name, or counts where it has fewer than three.
ORDER BY wilson_low(failed, finished) DESC NULLS LAST, failed DESC, finished DESC, runs DESC, 1, 2, 3
