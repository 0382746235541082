-- What the reports on install jobs are counted from: the jobs as they were known at an instant, narrowed to what is asked
-- for, with local times. A macro's parameters begin with `asked_`, so that they cannot hide a column.

CREATE OR REPLACE TEMP MACRO jobs(asked_as_of, asked_app, asked_instance, asked_target, asked_scope) AS TABLE
SELECT
    facts.*,
    without_zone(facts.update_time) + to_seconds(CASE
        WHEN zone.day IS NULL THEN (SELECT arg_min(_hclake_zone.offset_s, _hclake_zone.starts_at) FROM _hclake_zone)
        WHEN without_zone(facts.update_time) >= zone.changes_at THEN zone.offset_after_s
        ELSE zone.offset_s
    END) AS changed_at
FROM install_job_facts_as_of(asked_as_of) AS facts
LEFT JOIN _hclake_days AS zone ON zone.day = without_zone(facts.update_time)::DATE
WHERE (matches(facts.app, CAST(asked_app AS VARCHAR)) OR facts.app_id = CAST(asked_app AS VARCHAR))
    AND (matches(facts.instance, CAST(asked_instance AS VARCHAR)) OR facts.instance_id = CAST(asked_instance AS VARCHAR))
    AND matches(facts.target, CAST(asked_target AS VARCHAR))
    AND matches(facts._scope, CAST(asked_scope AS VARCHAR));

-- Jobs that have not finished and wait longer than 99 of 100 of their application took, which is judged by all jobs,
-- whatever is asked for; where fewer than 100 have finished, than 99 of 100 of all applications.
CREATE OR REPLACE TEMP MACRO stuck_jobs(asked_as_of, asked_app, asked_instance, asked_target, asked_scope) AS TABLE
WITH
everything AS (
    SELECT * FROM jobs(asked_as_of, NULL, NULL, NULL, NULL) WHERE duration_s >= 0
),
usual AS (
    SELECT app_id, quantile_cont(duration_s, 0.99) AS p99_s FROM everything GROUP BY app_id HAVING count(*) >= 100
),
overall AS (
    SELECT quantile_cont(duration_s, 0.99) AS p99_s FROM everything
),
waiting AS (
    SELECT
        selected.*,
        (epoch_us(CAST(asked_as_of AS TIMESTAMPTZ)) - epoch_us(coalesce(selected.update_time, selected.create_time))) / 1e6
            AS waiting_s,
        coalesce(usual.p99_s, overall.p99_s) AS p99_s
    FROM jobs(asked_as_of, asked_app, asked_instance, asked_target, asked_scope) AS selected
    CROSS JOIN overall
    LEFT JOIN usual ON usual.app_id = selected.app_id
    WHERE NOT selected.finished
)
SELECT * FROM waiting WHERE waiting_s > p99_s;
