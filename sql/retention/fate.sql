-- What becomes of each run when ages count back from the newest one: whether the store still answers it, and the first
-- run from it on that it answers. Of the runs that are old enough for thinning, the last of each ISO week or month stays,
-- and the last of a month also where one a week stays, so that it is there when one a month is enough. The history begins
-- at the last of these runs that is as old as keep. The newest two runs stay always: they are what changed since the last
-- time. Ages are in microseconds, or NULL; weeks and months are in UTC.
-- takes: keep_us, weekly_us, monthly_us

CREATE OR REPLACE TEMP TABLE _hclake_fate AS
WITH _hclake_aged AS (
    SELECT
        run_id,
        max(epoch_us(started_at)) OVER () - epoch_us(started_at) AS _age_us,
        row_number() OVER (ORDER BY run_id DESC) AS _place,
        row_number() OVER (
            PARTITION BY strftime(make_timestamp(epoch_us(started_at)), '%G-%V') ORDER BY run_id DESC
        ) = 1 AS _ends_week,
        row_number() OVER (
            PARTITION BY strftime(make_timestamp(epoch_us(started_at)), '%Y-%m') ORDER BY run_id DESC
        ) = 1 AS _ends_month
    FROM runs
    WHERE pruned_at IS NULL
),
_hclake_thinned AS (
    SELECT run_id, _age_us, _place
    FROM _hclake_aged
    WHERE _place <= 2 OR CASE
        WHEN _age_us >= {{monthly_us}} THEN _ends_month
        WHEN _age_us >= {{weekly_us}} THEN _ends_week OR (_ends_month AND {{monthly_us}} IS NOT NULL)
        ELSE true
    END
),
_hclake_kept AS (
    SELECT run_id
    FROM _hclake_thinned
    WHERE _place <= 2
        OR _age_us <= coalesce((SELECT min(_age_us) FROM _hclake_thinned WHERE _age_us >= {{keep_us}}), _age_us)
)
SELECT
    r.run_id,
    r.started_at,
    r.pruned_at IS NULL AS was_answered,
    k.run_id IS NOT NULL AS is_answered,
    min(k.run_id) OVER _hclake_from_here AS next_run_id,
    min(CASE WHEN k.run_id IS NOT NULL THEN r.started_at END) OVER _hclake_from_here AS next_at
FROM runs r LEFT JOIN _hclake_kept k ON k.run_id = r.run_id
WINDOW _hclake_from_here AS (ORDER BY r.run_id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING);
