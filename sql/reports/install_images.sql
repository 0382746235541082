-- title: Do some images, systems or agents fail more, as they were when the job ended?
-- group: installations
-- about: How many installations finished and failed on the desktops of each image, operating system or access agent, as
--   the desktop was when the job ended; beside how many would be expected to fail if the failures of each application
--   fell on all its jobs alike. The strongest evidence comes first.
-- needs: app_install_jobs, app_install_jobs_versions, desktop_details, desktop_details_versions
-- takes: since, until, as_of, app, scope, min = 1
-- param: assume yes|no no  with yes, a job from before the first time that its desktop was seen counts as if it was then as at
--   that time
-- by: image   image, image_id
-- by: system  system
-- by: agent   agent
-- by: app     app, app_id
-- wide: image_id, app_id, apps, desktops, last_failed
-- bar: failure_rate_pct
-- note(image, system, agent): "(not known then)" are jobs that ended when no run had seen their desktop yet, or none saw it
--   any longer, and jobs without an end; so it is with all jobs from before the first run that read the desktops.
--   "(desktop not listed)" are jobs on what no run saw among the desktops, such as servers of streamed applications.
--   "(none)" are desktops that were known and for which the list names nothing. The first two are not compared.
-- note(image, system, agent): The list has no time of change. A desktop that was changed shows so from the next run on, and
--   a job between the change and that run counts under what was before.
-- note(expected): Grouped by application alone, it is the other way round: expected is what would fail if the failures of
--   each image fell on all its jobs alike.
-- note(evidence, judged): evidence is 1 less the chance of as many failures or more (Poisson), corrected for the number of
--   rows compared. judged says "fails far more" where it is 95 % or more.
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
-- note(desktops): A job is joined to its desktop by instance_id, or else by instance_sid. That these are the ids in the list
--   of desktops is what the documents say; it was not verified.

WITH
-- Of all jobs on an image, also where only one application is asked for: its rate stands on them.
finished AS (
    SELECT
        *,
        matches(app, CAST($app AS VARCHAR)) OR coalesce(app_id = CAST($app AS VARCHAR), false) AS is_asked
    FROM jobs($as_of, NULL, NULL, NULL, $scope)
    WHERE finished AND in_range(update_time, $since, $until)
),
seen AS (
    SELECT
        _region,
        _project,
        desktop_id,
        nullif(sid, '') AS sid,
        nullif(metadata['image_name'], '') AS image_name,
        nullif(metadata['metering.image_id'], '') AS image_id,
        nullif(os_version, '') AS os_version,
        nullif(agent_version, '') AS agent_version,
        _valid_from,
        if(CAST($assume AS VARCHAR) = 'yes' AND lag(_valid_from) OVER life IS NULL, TIMESTAMPTZ '-infinity', _valid_from)
            AS valid_from,
        coalesce(_valid_to, TIMESTAMPTZ 'infinity') AS valid_to,
        lead(_valid_from, 1, TIMESTAMPTZ 'infinity') OVER life AS next_from
    FROM desktop_details_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ)
    WINDOW life AS (PARTITION BY _region, _project, desktop_id ORDER BY _valid_from)
),
-- One row for each desktop, and one for each security identifier.
ids AS (
    SELECT DISTINCT _region, _project, desktop_id FROM seen
),
by_sid AS (
    SELECT _region, _project, sid, last(desktop_id ORDER BY _valid_from, desktop_id) AS desktop_id
    FROM seen
    WHERE sid IS NOT NULL
    GROUP BY ALL
),
-- The desktops of jobs on what no desktop's id names.
by_job AS (
    SELECT known._scope, known.id, by_sid.desktop_id
    FROM app_install_jobs_as_of(CAST($as_of AS TIMESTAMPTZ)) AS known
    ANTI JOIN ids ON ids._region = known._region AND ids._project = known._project AND ids.desktop_id = known.instance_id
    JOIN by_sid ON by_sid._region = known._region AND by_sid._project = known._project
        AND by_sid.sid = known.instance_sid
),
placed AS (
    SELECT finished.*, coalesce(ids.desktop_id, by_job.desktop_id) AS desktop_id
    FROM finished
    LEFT JOIN ids ON ids._region = finished._region AND ids._project = finished._project
        AND ids.desktop_id = finished.instance_id
    LEFT JOIN by_job ON by_job._scope = finished._scope AND by_job.id = finished.id
),
-- The last version that began before the job ended; whether it was still there then is asked below.
dated AS (
    SELECT
        placed.*,
        seen.image_name,
        seen.image_id,
        seen.os_version,
        seen.agent_version,
        CASE
            WHEN placed.desktop_id IS NULL THEN '(desktop not listed)'
            WHEN placed.update_time < seen.valid_to THEN NULL
            ELSE '(not known then)'
        END AS unknown,
        list_has_any({{by}}, ['image', 'system', 'agent']) AS is_by_desktop
    FROM placed
    LEFT JOIN seen ON seen._region = placed._region AND seen._project = placed._project
        AND seen.desktop_id = placed.desktop_id
        AND seen.valid_from <= placed.update_time AND seen.next_from > placed.update_time
),
named AS (
    SELECT
        * EXCLUDE (image_id),
        coalesce(unknown, image_name, image_id, '(none)') AS image,
        CASE WHEN unknown IS NULL THEN image_id END AS image_id,
        coalesce(unknown, os_version, '(none)') AS system,
        coalesce(unknown, agent_version, '(none)') AS agent,
        -- What the rows are compared within: the application, or the image.
        if(is_by_desktop, app_id, coalesce(unknown, image_id, image_name, '(none)')) AS cause,
        unknown IS NULL OR NOT is_by_desktop AS is_compared
    FROM dated
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
