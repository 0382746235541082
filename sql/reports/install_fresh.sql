-- title: Do fresh or rebuilt desktops fail more?
-- group: installations
-- about: How many installations finished and failed that were ordered within 7 days (--param days) after the desktop was
--   created, was rebuilt or joined its domain again, beside those on desktops to which none of this was done in that
--   time. The worst comes first.
-- needs: app_install_jobs, app_install_jobs_versions, workspace_sub_jobs, workspace_sub_jobs_versions
-- takes: since, until, as_of, app, scope, min = 1
-- param: days count 7  for how many days after it a desktop counts as touched
-- by: touched_by  touched_by
-- by: touched     if(is_touched, 'yes', if(is_touched IS NULL, touched_by, 'no')) AS touched
-- by: app         app, app_id
-- over: touched_by, touched
-- wide: app_id, failed_untouched, finished_untouched, desktops, top_error, error_codes, last_failed
-- bar: failure_rate_pct
-- note(touched_by, touched): Only what succeeded counts: jobs on desktops of the types createDesktops, rebuildDesktops and
--   desktopRejoinDomain, by the newest that ended before the installation was ordered. "(not known)" are installations
--   that no such job precedes, but that were ordered before the first that is known, or less than the days after it:
--   the service lists 10,000 of a type at most, and may have forgotten what was before. They are not compared.
-- note(touched_by, touched): What is done to a whole pool (rebuildDesktopPool) is no such type. Installations on servers of
--   streamed applications count as not touched. That desktop_id is the instance_id of installations is what the documents
--   say; it was not verified.
-- note(against_untouched): against_untouched says worse or better where Fisher's exact test gives evidence of 95 % or more
--   beside the jobs of untouched desktops, after correction for the number of rows compared; too few where no outcome could
--   have. With applications among the columns, the jobs of one application are compared.
-- note(expected): expected is how many would fail if the failures of each application fell on all its jobs alike. If it is
--   near failed, fresh desktops only get other applications than old ones: see --by touched_by,app.
-- note(error_codes): error_codes are those of such jobs on desktops that failed in the days before the installation, the
--   newest for each installation; top_error is the most frequent message of the failed installations.
-- note(rate_low_pct, rate_high_pct): rate_low_pct to rate_high_pct is the 95 % interval of the failure rate (Wilson).
--   Worst first is by rate_low_pct, so that 1 of 1 does not come before 300 of 1000.

WITH
selected AS (
    SELECT *, coalesce(create_time, update_time) AS ordered_at
    FROM jobs($as_of, $app, NULL, NULL, $scope)
    WHERE finished AND in_range(update_time, $since, $until)
),
-- What is expected of one job.
app_rates AS (
    SELECT app_id, count(*) FILTER (failed) / count(*) AS app_rate FROM selected GROUP BY app_id
),
-- Every job on a desktop that a run saw, as it was last seen: what the list no longer shows was done all the same.
sub_jobs AS (
    SELECT * FROM workspace_sub_jobs_versions
    WHERE _valid_from <= CAST($as_of AS TIMESTAMPTZ)
        AND job_type IN ('createDesktops', 'rebuildDesktops', 'desktopRejoinDomain')
    QUALIFY row_number() OVER (PARTITION BY _scope, id ORDER BY _valid_from DESC) = 1
),
-- What was done to desktops, once for each desktop and instant.
done AS (
    SELECT
        _region,
        _project,
        desktop_id,
        end_time,
        min(job_type) FILTER (status = 'SUCCESS') AS job_type,
        min(nullif(error_code, '')) FILTER (status = 'FAILED') AS error_code
    FROM sub_jobs
    WHERE end_time IS NOT NULL
    GROUP BY ALL
),
-- Each holds until the next on the same desktop.
touches AS (
    SELECT *, lead(end_time, 1, TIMESTAMPTZ 'infinity') OVER (
        PARTITION BY _region, _project, desktop_id ORDER BY end_time) AS next_at
    FROM done
    WHERE job_type IS NOT NULL
),
failures AS (
    SELECT *, lead(end_time, 1, TIMESTAMPTZ 'infinity') OVER (
        PARTITION BY _region, _project, desktop_id ORDER BY end_time) AS next_at
    FROM done
    WHERE error_code IS NOT NULL
),
-- Before its first job on desktops nothing is known of a project.
firsts AS (
    SELECT _region, _project, min(end_time) AS first_at FROM done GROUP BY ALL
),
dated AS (
    SELECT
        selected.*,
        app_rates.app_rate,
        touches.job_type,
        epoch_us(selected.ordered_at) - epoch_us(touches.end_time) < CAST($days AS BIGINT) * 86400000000 AS is_near,
        epoch_us(selected.ordered_at) - epoch_us(firsts.first_at) >= CAST($days AS BIGINT) * 86400000000 AS is_covered,
        CASE WHEN epoch_us(selected.ordered_at) - epoch_us(failures.end_time) < CAST($days AS BIGINT) * 86400000000
            THEN failures.error_code END AS error_code
    FROM selected
    LEFT JOIN touches ON touches._region = selected._region AND touches._project = selected._project
        AND touches.desktop_id = selected.instance_id
        AND touches.end_time <= selected.ordered_at AND touches.next_at > selected.ordered_at
    LEFT JOIN failures ON failures._region = selected._region AND failures._project = selected._project
        AND failures.desktop_id = selected.instance_id
        AND failures.end_time <= selected.ordered_at AND failures.next_at > selected.ordered_at
    JOIN app_rates ON app_rates.app_id IS NOT DISTINCT FROM selected.app_id
    LEFT JOIN firsts ON firsts._region = selected._region AND firsts._project = selected._project
),
marked AS (
    SELECT
        *,
        CASE WHEN is_near THEN job_type WHEN is_covered THEN '(not touched)' ELSE '(not known)' END AS touched_by,
        CASE WHEN is_near THEN true WHEN is_covered THEN false END AS is_touched
    FROM dated
),
grouped AS (
    SELECT
        {{columns}},
        is_touched,
        -- What the rows are compared within: everything, or the application.
        if(list_contains({{by}}, 'app'), app_id, NULL) AS within,
        count(*) FILTER (failed) AS failed_now,
        count(*) AS finished_now,
        round(sum(app_rate), 9) AS expected,
        count(DISTINCT (_scope, instance_id)) FILTER (instance_id IS NOT NULL) AS desktops,
        list_aggregate(list(error ORDER BY error) FILTER (failed AND error IS NOT NULL), 'mode') AS top_error,
        string_agg(DISTINCT error_code, ', ' ORDER BY error_code) AS error_codes,
        max(update_time) FILTER (failed) AS last_failed
    FROM marked
    GROUP BY ALL
),
counted AS (
    SELECT
        *,
        if(is_touched, coalesce(sum(failed_now) FILTER (NOT is_touched) OVER alike, 0), 0)::BIGINT AS failed_before,
        if(is_touched, coalesce(sum(finished_now) FILTER (NOT is_touched) OVER alike, 0), 0)::BIGINT AS finished_before
    FROM grouped
    WINDOW alike AS (PARTITION BY within)
)
SELECT
    * EXCLUDE (is_touched, within, failed_now, finished_now, expected, desktops, top_error, error_codes, last_failed,
        failed_before, finished_before, trend, evidence),
    failed_now AS failed,
    finished_now AS finished,
    round(100 * failed_now / finished_now, 1) AS failure_rate_pct,
    round(100 * wilson_low(failed_now, finished_now), 1) AS rate_low_pct,
    round(100 * wilson_high(failed_now, finished_now), 1) AS rate_high_pct,
    round(expected, 1) AS expected,
    if(is_touched, trend, NULL) AS against_untouched,
    if(is_touched, evidence, NULL) AS evidence,
    if(is_touched, failed_before, NULL) AS failed_untouched,
    if(is_touched, finished_before, NULL) AS finished_untouched,
    desktops,
    top_error,
    error_codes,
    last_failed
FROM judged('counted')
WHERE finished_now >= CAST($min AS BIGINT)
-- The first columns are the names of the group, or counts.
ORDER BY wilson_low(failed_now, finished_now) DESC, failed_now DESC, finished_now DESC, 1, 2, 3, 4
