-- Opens a run's copy of the store. It writes no write-ahead log: if the run does not finish, the copy is deleted.
-- takes: path

ATTACH {{path}} AS store (TYPE duckdb, RECOVERY_MODE 'NO_WAL_WRITES');
USE store;
