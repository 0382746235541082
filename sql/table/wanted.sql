-- An empty table with the catalog's columns, to compare with the columns in the store.
-- takes: column_definitions

CREATE OR REPLACE TEMP TABLE _hclake_wanted ({{column_definitions}});
