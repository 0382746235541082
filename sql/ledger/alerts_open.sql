-- The alerts that fire: name, subject, run and instant of the first time, row.
-- takes:

SELECT alert, subject, fired_run_id, epoch_us(fired_at), "row" FROM alerts WHERE over_run_id IS NULL
ORDER BY alert, subject;
