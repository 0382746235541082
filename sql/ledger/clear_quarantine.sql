-- Makes room for more quarantined records.
-- takes:

DELETE FROM _hclake_quarantine;
