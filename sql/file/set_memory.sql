-- Bounds what DuckDB may take of memory from now on.
-- takes: memory

SET memory_limit = {{memory}};
