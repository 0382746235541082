-- title: How do image builds go, and why do they fail?
-- group: jobs and deployments
-- about: Jobs on images of Workspace Application Streaming: how many failed, the worst first, how long the successful ones
--   took, and what the parts of the failed ones report. A job counts where its begin_time lies. The types are the steps of
--   a build: CREATE_SERVER, CREATE_SERVER_IMAGE and DELETE_SERVER.
-- needs: image_jobs, image_jobs_versions, image_sub_jobs, image_sub_jobs_versions
-- wants: image_servers, app_server_groups
-- takes: since, until, as_of, scope, min = 0
-- param: type text none only jobs of this type, as it was asked for; * and = as with --app
-- by: week   date_trunc('week', begun_at)::DATE AS week
-- by: type   type
-- by: error  error
-- by: day    begun_at::DATE AS day
-- alone: error
-- wide: failed_parts, newest, groups_on_source
-- bar: failure_rate_pct
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
--   Worst first is by rate_low_pct, so that 1 of 1 does not come before 300 of 1000.
-- note(main_error, errors): Errors are those of failed jobs. main_error is the one that most of them have, and of several
--   the first in the alphabet. It is the code of a failed part, or its message where it has no code; message is the newest
--   one with it.
-- note(error): A failed job with several errors counts once under each, and finished covers the jobs of all errors and of
--   none: the rates may add up to more than the overall one.
-- note(main_error, error): A part failed where its status is FAILED, or where it has a code or message and is neither
--   SUCCESS, WAITING nor RUNNING. Parts that were deleted from the list since still tell why, as a run last saw them; a
--   job that was deleted does not count. "(no failed part)" is a failed job without such a part.
-- note(median_s): median_s is of successful jobs, since a failed one may end early.
-- note(type): The type is the one that was asked for; records may spell it otherwise.
-- note(groups_on_source): groups_on_source names the server groups whose image is the one that these builds began from,
--   of a private or shared image, and so not what was built. Jobs are traced to images by the ids that the documents name;
--   no answer of the service was seen.
-- note(week): A week is named by its Monday.

WITH
selected AS (
    SELECT
        known.*,
        coalesce(nullif(split_part(known._scope, '/', 3), ''), known.job_type) AS type,
        local_time(known.begin_time) AS begun_at,
        (epoch_us(known.end_time) - epoch_us(known.begin_time)) / 1e6 AS duration_s
    FROM image_jobs_as_of(CAST($as_of AS TIMESTAMPTZ)) AS known
    WHERE in_range(known.begin_time, $since, $until)
        AND matches(known._scope, CAST($scope AS VARCHAR)) AND matches(type, CAST($type AS VARCHAR))
),
listed_parts AS (
    SELECT * FROM image_sub_jobs_as_of(CAST($as_of AS TIMESTAMPTZ))
),
-- Those that were deleted since are there as they were last seen.
last_parts AS (
    SELECT _scope, _region, _project, id, job_id, status, error_code, error_message, resource_id, begin_time, end_time
    FROM listed_parts
    UNION ALL
    SELECT v._scope, v._region, v._project, v.id, v.job_id, v.status, v.error_code, v.error_message, v.resource_id,
        v.begin_time, v.end_time
    FROM image_sub_jobs_versions AS v
    ANTI JOIN listed_parts ON listed_parts._scope = v._scope AND listed_parts.id = v.id
    WHERE v._valid_to <= CAST($as_of AS TIMESTAMPTZ)
    QUALIFY row_number() OVER (PARTITION BY v._scope, v.id ORDER BY v._valid_from DESC) = 1
),
parts AS (
    SELECT _scope, _region, _project, job_id, status, resource_id,
        nullif(trim(error_code), '') AS code,
        nullif(trim(error_message), '') AS message,
        coalesce(end_time, begin_time, TIMESTAMPTZ '-infinity') AS ended_at
    FROM last_parts
),
-- A job has each error once, whatever the number of its parts.
errors AS (
    SELECT _scope, job_id,
        coalesce(code, message, '(no reason given)') AS error,
        arg_max(message, (ended_at, message)) FILTER (message IS NOT NULL) AS message,
        max(ended_at) AS ended_at,
        count(*) AS parts
    FROM parts
    WHERE status = 'FAILED' OR (coalesce(status, '') NOT IN ('SUCCESS', 'WAITING', 'RUNNING')
        AND (code IS NOT NULL OR message IS NOT NULL))
    GROUP BY ALL
),
per_job AS (
    SELECT _scope, job_id,
        list({'error': error, 'message': message, 'ended_at': ended_at, 'parts': parts} ORDER BY error) AS errors
    FROM errors
    GROUP BY ALL
),
still AS (
    SELECT parts._scope, parts.job_id, list(DISTINCT coalesce(groups.name, groups.id)) AS groups
    FROM parts
    JOIN image_servers_as_of(CAST($as_of AS TIMESTAMPTZ)) AS built
        ON built._region = parts._region AND built._project = parts._project AND built.id = parts.resource_id
    JOIN app_server_groups_as_of(CAST($as_of AS TIMESTAMPTZ)) AS groups
        ON groups._region = built._region AND groups._project = built._project AND groups.image_id = built.source_image_id
    WHERE built.image_id <> built.source_image_id AND built.source_image_type IN ('private', 'shared')
    GROUP BY ALL
),
jobs AS (
    SELECT
        selected.*,
        selected.status IN ('SUCCESS', 'FAILED') AS finished,
        selected.status = 'FAILED' AS failed,
        -- What failed in a job that went well in the end is no cause.
        CASE WHEN selected.status = 'FAILED' THEN coalesce(per_job.errors, [{'error': '(no failed part)',
            'message': NULL::VARCHAR, 'ended_at': TIMESTAMPTZ '-infinity', 'parts': 0::BIGINT}]) END AS errors,
        if(selected.status = 'SUCCESS', still.groups, NULL) AS groups
    FROM selected
    LEFT JOIN per_job ON per_job._scope = selected._scope AND per_job.job_id = selected.id
    LEFT JOIN still ON still._scope = selected._scope AND still.job_id = selected.id
),
-- A row for each job, or, grouped by error, for each error of each job.
counting AS (
    SELECT *, shown.error AS error
    FROM (
        SELECT *, unnest(if(list_contains({{by}}, 'error'), errors, [NULL])) AS shown FROM jobs
    )
),
grouped AS (
    SELECT
        {{columns}},
        count(*) FILTER (failed) AS failed,
        count(*) FILTER (finished) AS finished,
        count(*) FILTER (NOT coalesce(finished, false)) AS pending,
        median(duration_s) FILTER (status = 'SUCCESS') AS median_s,
        flatten(list(if(list_contains({{by}}, 'error'), [shown], errors)) FILTER (failed)) AS errors,
        max(begin_time) AS newest,
        list_sort(list_distinct(flatten(list(groups) FILTER (groups IS NOT NULL)))) AS groups
    FROM counting
    GROUP BY ALL
),
named AS (
    SELECT
        *,
        list_aggregate(list_sort(list_transform(errors, lambda e: e.error)), 'mode') AS main_error
    FROM grouped
),
everything AS (
    SELECT count(*) FILTER (finished) AS finished FROM jobs
),
counted AS (
    SELECT named.* REPLACE (
        if(list_contains({{by}}, 'error'), everything.finished, named.finished) AS finished
    )
    FROM named CROSS JOIN everything
)
SELECT
    * EXCLUDE (failed, finished, pending, median_s, errors, newest, groups, main_error),
    failed,
    finished,
    round(100 * failed / nullif(finished, 0), 1) AS failure_rate_pct,
    round(100 * wilson_low(failed, finished), 1) AS rate_low_pct,
    round(100 * wilson_high(failed, finished), 1) AS rate_high_pct,
    pending,
    round(median_s, 0)::BIGINT AS median_s,
    main_error,
    list_sort(list_transform(
        list_filter(errors, lambda e: e.error = main_error AND e.message IS NOT NULL),
        lambda e: {'ended_at': e.ended_at, 'message': e.message}
    ), 'DESC')[1].message AS message,
    coalesce(len(list_distinct(list_transform(errors, lambda e: e.error))), 0) AS errors,
    coalesce(list_sum(list_transform(errors, lambda e: e.parts)), 0)::BIGINT AS failed_parts,
    newest,
    nullif(array_to_string(groups, ', '), '') AS groups_on_source
FROM counted
WHERE finished >= CAST($min AS BIGINT)
-- The first columns are the group's name, or counts where it has only one.
ORDER BY wilson_low(failed, finished) DESC NULLS LAST, failed DESC, finished DESC, pending DESC, 1, 2
