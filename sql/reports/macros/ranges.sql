-- What reports narrow by: names, instants and ranges. A macro's parameters begin with `asked_`, so that
-- they cannot hide a column.

-- Whether a name is the one that is asked for, in any case of letters. `*` stands for any text, NULL asks for all, and
-- after `=` stands a name that is meant as it is written.
CREATE OR REPLACE TEMP MACRO matches(name, asked_name) AS CASE
    WHEN asked_name IS NULL THEN true
    WHEN starts_with(asked_name, '=') THEN coalesce(lower(name) = lower(substr(asked_name, 2)), false)
    ELSE coalesce(lower(name) LIKE replace(replace(replace(replace(
        lower(asked_name), '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') ESCAPE '\', false)
END;

-- The instant in UTC, as a time without a zone.
CREATE OR REPLACE TEMP MACRO without_zone(instant) AS make_timestamp(epoch_us(CAST(instant AS TIMESTAMPTZ)));

-- The instant so many days of 24 hours before another. An interval is not taken from a zoned instant: that needs an
-- extension, which a DuckDB compiled from source lacks.
CREATE OR REPLACE TEMP MACRO earlier_by_days(instant, days) AS
    CAST(CAST(without_zone(instant) - to_days(days) AS VARCHAR) || '+00' AS TIMESTAMPTZ);

-- Whether an instant lies in the range that is asked for: since is inside it, until is not. An instant that is not known
-- lies in no range but the whole.
CREATE OR REPLACE TEMP MACRO in_range(instant, asked_since, asked_until) AS
    (CAST(asked_since AS TIMESTAMPTZ) IS NULL OR coalesce(instant >= CAST(asked_since AS TIMESTAMPTZ), false))
    AND (CAST(asked_until AS TIMESTAMPTZ) IS NULL OR coalesce(instant < CAST(asked_until AS TIMESTAMPTZ), false));
-- Whether an instant lies in the days before another: from `days_from` days before it up to `days_to` days before it.
CREATE OR REPLACE TEMP MACRO days_before(instant, asked_end, days_from, days_to) AS
    coalesce(epoch_us(instant) >= epoch_us(CAST(asked_end AS TIMESTAMPTZ)) - days_from * 86400000000
        AND epoch_us(instant) < epoch_us(CAST(asked_end AS TIMESTAMPTZ)) - days_to * 86400000000, false);
