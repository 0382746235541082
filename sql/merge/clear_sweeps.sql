-- Makes room for the sweeps of the next table.
-- takes:

DELETE FROM _hclake_sweeps;
