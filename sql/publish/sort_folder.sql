-- Where rows are sorted that do not fit into memory; it is set once for a connection.
-- takes: spill

SET temp_directory = {{spill}};
RESET max_temp_directory_size;
SET preserve_insertion_order = false;
