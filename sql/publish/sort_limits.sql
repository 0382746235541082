-- Holds a publisher to little memory: what does not fit is sorted on disk, in a folder of the target.
-- One thread, since each more would need a share of that memory of its own.
-- takes: memory, spill

SET memory_limit = {{memory}};
SET temp_directory = {{spill}};
RESET max_temp_directory_size;
SET threads = 1;
SET preserve_insertion_order = false;
