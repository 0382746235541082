-- What the reports on install jobs are counted from: the jobs as they were known at an instant, narrowed to what is asked
-- for, with local times. A macro's parameters begin with `asked_`, so that they cannot hide a column.

CREATE OR REPLACE TEMP MACRO jobs(asked_as_of, asked_app, asked_instance, asked_target, asked_scope) AS TABLE
SELECT facts.*, local_time(facts.update_time) AS changed_at
FROM install_job_facts_as_of(asked_as_of) AS facts
WHERE (matches(facts.app, CAST(asked_app AS VARCHAR)) OR facts.app_id = CAST(asked_app AS VARCHAR))
    AND (matches(facts.instance, CAST(asked_instance AS VARCHAR)) OR facts.instance_id = CAST(asked_instance AS VARCHAR))
    AND matches(facts.target, CAST(asked_target AS VARCHAR))
    AND matches(facts._scope, CAST(asked_scope AS VARCHAR));

-- The jobs of one query that have not finished and wait longer than 99 of 100 of their application took in another,
-- which is to hold all jobs; where fewer than 100 have finished, than 99 of 100 of all applications.
CREATE OR REPLACE TEMP MACRO stuck_jobs(asked_jobs, all_jobs, asked_as_of) AS TABLE
WITH
usual AS (
    SELECT app_id, quantile_cont(duration_s, 0.99) AS p99_s FROM query_table(all_jobs) WHERE duration_s >= 0
    GROUP BY app_id HAVING count(*) >= 100
),
overall AS (
    SELECT quantile_cont(duration_s, 0.99) AS p99_s FROM query_table(all_jobs) WHERE duration_s >= 0
),
waiting AS (
    SELECT
        selected.*,
        (epoch_us(CAST(asked_as_of AS TIMESTAMPTZ)) - epoch_us(coalesce(selected.update_time, selected.create_time))) / 1e6
            AS waiting_s,
        coalesce(usual.p99_s, overall.p99_s) AS p99_s
    FROM query_table(asked_jobs) AS selected
    CROSS JOIN overall
    LEFT JOIN usual ON usual.app_id = selected.app_id
    WHERE NOT selected.finished
)
SELECT * FROM waiting WHERE waiting_s > p99_s;

-- Counts of jobs for each cause and whatever stands beside it, added up over the causes, with how many would be expected to
-- fail if the failures of each cause fell on all its jobs alike. `all_jobs` has every job with its cause.
CREATE OR REPLACE TEMP MACRO expected_by_cause(all_jobs, per_cause) AS TABLE
WITH
rates AS (
    SELECT cause, count(*) FILTER (failed) AS failed, count(*) AS finished
    FROM query_table(all_jobs)
    WHERE is_compared
    GROUP BY cause
),
expected AS (
    SELECT
        counted.*,
        -- The rate elsewhere would be too sure of itself: 0 of 1 there would prove that 1 of 1 here is no chance.
        CASE WHEN counted.is_compared THEN counted.finished * rates.failed / rates.finished END AS expected
    FROM query_table(per_cause) AS counted
    LEFT JOIN rates ON rates.cause IS NOT DISTINCT FROM counted.cause
)
SELECT
    * EXCLUDE (cause, is_compared, failed, finished, expected, app_ids, desktop_ids, last_failed, is_asked),
    sum(failed)::BIGINT AS failed,
    sum(finished)::BIGINT AS finished,
    sum(expected) AS expected,
    len(list_distinct(flatten(list(app_ids)))) AS apps,
    len(list_distinct(flatten(list(desktop_ids)))) AS desktops,
    max(last_failed) AS last_failed,
    bool_or(is_asked) AS is_asked
FROM expected
GROUP BY ALL;
