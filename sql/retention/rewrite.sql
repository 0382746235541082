-- Writes the run's copy into a new file, which has no free space, and closes both.
-- takes: fresh

ATTACH {{fresh}} AS fresh (TYPE duckdb, RECOVERY_MODE 'NO_WAL_WRITES');
COPY FROM DATABASE store TO fresh;
CHECKPOINT fresh;
USE memory;
DETACH fresh;
DETACH store;
