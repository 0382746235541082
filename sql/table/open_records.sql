-- How many records within a sweep's reach are open in the store.
-- takes: table, in_sweep

SELECT count(*) FROM {{table}} c WHERE {{in_sweep}};
