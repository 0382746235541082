-- Limits the memory for sorting: what does not fit is sorted on disk.
-- takes: memory, threads

SET memory_limit = {{memory}};
SET threads = {{threads}};
