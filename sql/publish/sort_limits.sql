-- Limits the memory for sorting: what does not fit is sorted on disk, in a folder of the target.
-- It uses one thread, since each thread needs memory.
-- takes: memory, spill

SET memory_limit = {{memory}};
SET temp_directory = {{spill}};
RESET max_temp_directory_size;
SET threads = 1;
SET preserve_insertion_order = false;
