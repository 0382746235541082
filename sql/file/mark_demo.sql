-- Marks a new store as one that `hclake demo` made. Only such a store may be replaced by a demo, and none that is
-- marked is filled from a real cloud.
-- takes:

CREATE TABLE _hclake_demo (program VARCHAR NOT NULL);
COMMENT ON TABLE _hclake_demo IS 'This store was made by hclake demo: its records are invented.';
