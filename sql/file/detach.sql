-- Writes a run's copy out whole and closes it.
-- takes:

CHECKPOINT store;
USE memory;
DETACH store;
