-- The offset at the start of each day in UTC and, on a day on which it changes, when it does and to what; so that many
-- instants find theirs by their day. A zone that never changes needs no days.
CREATE OR REPLACE TEMP TABLE _hclake_days AS
SELECT days.day, before.offset_s, changes.starts_at AS changes_at, changes.offset_s AS offset_after_s
FROM (
    SELECT unnest(generate_series(DATE '1970-01-01',
        if((SELECT count(*) FROM _hclake_zone) > 1, DATE '2100-01-01', DATE '1969-12-31'), INTERVAL 1 DAY))::DATE AS day
) AS days
ASOF JOIN _hclake_zone AS before ON days.day >= before.starts_at
LEFT JOIN _hclake_zone AS changes ON changes.starts_at::DATE = days.day;

-- An instant as local time, by the row of its day. Before the first day and after the last, the zone's first offset holds.
CREATE OR REPLACE TEMP MACRO local_time_on(instant, offset_s, changes_at, offset_after_s) AS
    without_zone(instant) + to_seconds(coalesce(
        if(without_zone(instant) >= changes_at, offset_after_s, offset_s),
        (SELECT arg_min(_hclake_zone.offset_s, _hclake_zone.starts_at) FROM _hclake_zone)
    ));

-- An instant as local time. Before the first day and after the last, the zone's first offset holds.
CREATE OR REPLACE TEMP MACRO local_time(instant) AS without_zone(instant) + to_seconds(coalesce(
    (
        SELECT if(without_zone(instant) >= _hclake_days.changes_at, _hclake_days.offset_after_s, _hclake_days.offset_s)
        FROM _hclake_days
        WHERE _hclake_days.day = without_zone(instant)::DATE
    ),
    (SELECT arg_min(_hclake_zone.offset_s, _hclake_zone.starts_at) FROM _hclake_zone)
));
