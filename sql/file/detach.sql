-- Writes a run's copy to the disk and closes it.
-- takes:

CHECKPOINT store;
USE memory;
DETACH store;
