-- Limits the memory for comparing. It uses one thread, since each thread needs memory.
-- takes: memory

SET memory_limit = {{memory}};
SET threads = 1;
SET preserve_insertion_order = false;
