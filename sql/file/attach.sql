-- Opens a run's copy of the store. There is no log to write ahead: if the run does not come to its end,
-- the copy is thrown away.
-- takes: path

ATTACH {{path}} AS store (TYPE duckdb, RECOVERY_MODE 'NO_WAL_WRITES');
USE store;
