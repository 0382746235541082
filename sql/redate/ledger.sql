-- Moves a run's times in the ledger: its start, and every later time, which comes from the same wrong clock. Earlier
-- times come from another clock and stay. What it has read is moved too. The session's zone is UTC.
-- takes: run_id, from, to, shift_us

UPDATE sweeps SET
    started_at = CAST(make_timestamp(epoch_us(started_at) + {{shift_us}}) AS TIMESTAMPTZ),
    ended_at = CAST(make_timestamp(epoch_us(ended_at) + {{shift_us}}) AS TIMESTAMPTZ)
WHERE run_id = {{run_id}} AND started_at >= {{from}};
UPDATE requests SET "time" = CAST(make_timestamp(epoch_us("time") + {{shift_us}}) AS TIMESTAMPTZ)
WHERE run_id = {{run_id}} AND "time" >= {{from}};
UPDATE runs SET ended_at = CAST(make_timestamp(epoch_us(ended_at) + {{shift_us}}) AS TIMESTAMPTZ)
WHERE run_id = {{run_id}} AND ended_at >= {{from}};
UPDATE runs SET started_at = {{to}} WHERE run_id = {{run_id}};

-- A day that had not ended at the run's true start was not read to its end. Otherwise a run has read up to its true time,
-- but where the wrong clock was behind, it has asked for no more than it says.
DELETE FROM last_complete
WHERE run_id = {{run_id}} AND reached_to > {{to}}
    AND parent = [strftime(make_timestamp(epoch_us(reached_to) - 86400000000), '%Y-%m-%d')];
UPDATE last_complete SET reached_to = least(
    reached_to,
    greatest({{to}}, CAST(make_timestamp(epoch_us(reached_to) + {{shift_us}}) AS TIMESTAMPTZ))
)
WHERE run_id = {{run_id}} AND reached_to IS NOT NULL;
UPDATE last_complete SET "at" = {{to}} WHERE run_id = {{run_id}};
UPDATE alerts SET fired_at = {{to}} WHERE fired_run_id = {{run_id}};
UPDATE alerts SET over_at = {{to}} WHERE over_run_id = {{run_id}};
