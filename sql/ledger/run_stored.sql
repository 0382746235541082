-- Whether a run is in the ledger. The run is bound as $1.
-- takes:

SELECT count(*) = 1 FROM runs WHERE run_id = $1;
