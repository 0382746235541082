-- Empties the staging table of quarantined records, for the next part of them.
-- takes:

DELETE FROM _hclake_quarantine;
