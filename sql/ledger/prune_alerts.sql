-- Removes alerts that were over before an instant. Bound: the instant as text.
-- takes:

DELETE FROM alerts WHERE over_at < CAST($1 AS TIMESTAMPTZ);
