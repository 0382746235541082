-- Holds a comparison to little memory. One thread, since each more would need a share of that memory of its own.
-- takes: memory

SET memory_limit = {{memory}};
SET threads = 1;
SET preserve_insertion_order = false;
