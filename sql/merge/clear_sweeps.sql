-- Empties the table of sweeps, for those of the next table.
-- takes:

DELETE FROM _hclake_sweeps;
DELETE FROM _hclake_waiting;
