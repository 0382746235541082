-- What the reports on install jobs are counted from: the jobs as they were known at an instant, narrowed to what is asked
-- for, with local times. A macro's parameters begin with `asked_`, so that they cannot hide a column.

CREATE OR REPLACE TEMP MACRO jobs(asked_as_of, asked_app, asked_instance, asked_target, asked_scope) AS TABLE
SELECT facts.*, local_time_on(facts.update_time, days.offset_s, days.changes_at, days.offset_after_s) AS changed_at
FROM install_job_facts_as_of(asked_as_of) AS facts
LEFT JOIN _hclake_days AS days ON days.day = without_zone(facts.update_time)::DATE
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

-- The jobs of a query, each with its `cause`, and how many failures are expected of it: the rate of all jobs of that cause.
CREATE OR REPLACE TEMP MACRO expected_by_cause(all_jobs) AS TABLE
WITH
-- The rate elsewhere would be too sure of itself: 0 of 1 there would prove that 1 of 1 here is no chance.
rates AS (
    SELECT cause, count(*) FILTER (failed) / count(*) AS rate
    FROM query_table(all_jobs)
    WHERE is_compared
    GROUP BY cause
)
SELECT jobs.*, CASE WHEN jobs.is_compared THEN rates.rate END AS expected
FROM query_table(all_jobs) AS jobs
LEFT JOIN rates ON rates.cause IS NOT DISTINCT FROM jobs.cause;
