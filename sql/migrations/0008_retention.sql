-- What pruning leaves behind: which runs are no longer answered, and what the sweeps that it removed had counted. Runs
-- themselves stay: versions that are still there name them, and only they say which nights are missing.

ALTER TABLE runs ADD COLUMN pruned_at TIMESTAMPTZ;
COMMENT ON COLUMN runs.pruned_at IS 'When pruning removed what only this run had shown: records as of its start are no longer complete. Empty where they are.';

ALTER TABLE sweeps ADD COLUMN records_before BIGINT;
COMMENT ON COLUMN sweeps.records_before IS 'Records opened less records gone, by the sweeps of this list that pruning removed between the sweep before and this one; empty where it removed none.';
