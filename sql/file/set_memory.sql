-- Limits the memory that DuckDB may use from now on.
-- takes: memory

SET memory_limit = {{memory}};
