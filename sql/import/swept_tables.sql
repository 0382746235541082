-- The tables that the ledger has sweeps of.
-- takes:

SELECT DISTINCT table_name FROM sweeps ORDER BY table_name;
