-- Marks a new store as made by `hclake demo`. A demo replaces only a marked store, and a marked store is never filled
-- from a real cloud.
-- takes:

CREATE TABLE _hclake_demo (program VARCHAR NOT NULL);
COMMENT ON TABLE _hclake_demo IS 'This store was made by hclake demo: its records are invented.';
