-- What the reports on install jobs are counted from: the jobs as they were known at an instant, narrowed to what is asked
-- for, with local times. A macro's parameters begin with `asked_`, so that they cannot hide a column.

-- Whether a name is the one that is asked for, in any case of letters; `*` stands for any text, and NULL asks for all.
CREATE OR REPLACE TEMP MACRO matches(name, asked_name) AS
    asked_name IS NULL OR coalesce(lower(name) = lower(asked_name) OR lower(name) GLOB lower(asked_name), false);

-- The instant as local time of the zone that days and weeks are counted in.
CREATE OR REPLACE TEMP MACRO without_zone(instant) AS make_timestamp(epoch_us(CAST(instant AS TIMESTAMPTZ)));

-- An instant as local time, for one value; many are joined to their offset as in `jobs`.
CREATE OR REPLACE TEMP MACRO local_time(instant) AS without_zone(instant) + to_seconds((
    SELECT arg_max(_hclake_zone.offset_s, _hclake_zone.starts_at) FROM _hclake_zone
    WHERE _hclake_zone.starts_at <= without_zone(instant)));

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

-- Whether an instant lies in the range that is asked for: since is inside it, until is not. An instant that is not known
-- lies in no range but the whole.
CREATE OR REPLACE TEMP MACRO in_range(instant, asked_since, asked_until) AS
    (CAST(asked_since AS TIMESTAMPTZ) IS NULL OR coalesce(instant >= CAST(asked_since AS TIMESTAMPTZ), false))
    AND (CAST(asked_until AS TIMESTAMPTZ) IS NULL OR coalesce(instant < CAST(asked_until AS TIMESTAMPTZ), false));
-- Whether an instant lies in the days before another: from `days_from` days before it up to `days_to` days before it.
CREATE OR REPLACE TEMP MACRO days_before(instant, asked_end, days_from, days_to) AS
    coalesce(epoch_us(instant) >= epoch_us(CAST(asked_end AS TIMESTAMPTZ)) - days_from * 86400000000
        AND epoch_us(instant) < epoch_us(CAST(asked_end AS TIMESTAMPTZ)) - days_to * 86400000000, false);

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
