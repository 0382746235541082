-- An empty table of the API's columns as the catalog has them now, to compare with the columns the store holds.
-- takes: column_definitions

CREATE OR REPLACE TEMP TABLE _hclake_wanted ({{column_definitions}});
