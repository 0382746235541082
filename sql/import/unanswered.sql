-- Marks the runs that cannot be answered since closed versions are there only from an instant on. The last run before
-- that instant can be: what was open at its start was closed later, if at all.
-- takes: since, pruned_at

UPDATE runs SET pruned_at = coalesce(pruned_at, {{pruned_at}})
WHERE run_id < (SELECT max(run_id) FROM runs WHERE started_at < CAST({{since}} AS TIMESTAMPTZ));
