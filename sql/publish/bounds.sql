-- Holds a publisher to little memory: what does not fit is sorted on disk, in a folder of the target.
-- takes: memory, spill

SET memory_limit = {{memory}};
SET temp_directory = {{spill}};
SET threads = 2;
