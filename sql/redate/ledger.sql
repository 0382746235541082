-- Moves a run's times in the ledger: its start, and every later time, which comes from the same wrong clock. Earlier
-- times come from another clock and stay. The session's zone is UTC.
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
