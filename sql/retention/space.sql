-- Bytes of the store's file, and those of them that are free: rows that were replaced or removed have left them.
-- takes:

SELECT block_size * total_blocks, block_size * free_blocks
FROM pragma_database_size()
WHERE database_name = current_database();
