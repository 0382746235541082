-- title: What should the team know this morning?
-- group: changes
-- about: Ten lines for a mail: how many installations failed in the last day and week, what got worse, what is new, what
--   is stuck, and whether every list was read to its end.
-- needs: runs, sweeps
-- wants: app_install_jobs, apps, deploy_apps, image_jobs, swr_instance_jobs
-- takes: since = last, as_of

WITH
-- Read once: it is what takes the time.
everything AS MATERIALIZED (
    SELECT app_id, app, app_version, instance_id, error, create_time, update_time, duration_s, finished, failed
    FROM install_job_facts_as_of($as_of)
),
weeks AS (
    SELECT
        count(*) FILTER (failed AND days_before(update_time, $as_of, 1, 0)) AS failed_day,
        count(*) FILTER (finished AND days_before(update_time, $as_of, 1, 0)) AS finished_day,
        count(*) FILTER (failed AND days_before(update_time, $as_of, 7, 0)) AS failed_now,
        count(*) FILTER (finished AND days_before(update_time, $as_of, 7, 0)) AS finished_now,
        count(*) FILTER (failed AND days_before(update_time, $as_of, 14, 7)) AS failed_before,
        count(*) FILTER (finished AND days_before(update_time, $as_of, 14, 7)) AS finished_before
    FROM everything
),
judged_weeks AS (
    SELECT * FROM judged('weeks')
),
stuck AS (
    SELECT count(*) AS jobs FROM stuck_jobs('everything', 'everything', $as_of)
),
lists AS (
    SELECT count(*) AS lists, count(*) FILTER (verdict <> 'complete' OR held_back > 0) AS incomplete
    FROM sweeps
    WHERE run_id = newest_reading($as_of) AND (pages > 0 OR verdict = 'failed')
),
-- Rates of a week, since a night has too few jobs for evidence; all else of the time since the run before.
news AS (
    SELECT sentence, row_number() OVER (ORDER BY strength DESC, sentence) AS place
    FROM (
        SELECT strength, 'This week ' || sentence AS sentence
        FROM rate_sentences('everything', earlier_by_days($as_of, 7), $as_of)
        UNION ALL
        SELECT strength, sentence FROM error_sentences($since, $as_of)
        UNION ALL
        SELECT strength, sentence FROM app_sentences($since, $as_of)
        UNION ALL
        SELECT strength, sentence FROM other_sentences($since, $as_of)
    )
),
lines AS (
    SELECT 1 AS place, 'Last 24 hours: ' || if(finished_day = 0, 'no installation finished',
        share(failed_day, finished_day) || ' installations failed') AS line
    FROM judged_weeks
    UNION ALL
    SELECT 2, 'Last 7 days: ' || if(finished_now = 0, 'no installation finished', share(failed_now, finished_now) || ' failed')
        || if(finished_before = 0, '', '; the 7 days before: ' || share(failed_before, finished_before) || ': ' || trend)
    FROM judged_weeks
    UNION ALL
    SELECT 2 + place, sentence FROM news WHERE place <= 6
    UNION ALL
    SELECT 9, counted(jobs, 'installation') || if(jobs = 1, ' waits', ' wait') || ' longer than 99 of 100 took'
    FROM stuck WHERE jobs > 0
    UNION ALL
    SELECT 10, if(incomplete = 0, counted(lists, 'list') || ' read to the end',
        incomplete || ' of ' || counted(lists, 'list') || ' not proved complete; hclake report freshness says which')
    FROM lists
)
SELECT line FROM lines ORDER BY place
