-- Removes a table's sweeps of later runs than those whose records the store has: it was not read then, as far as the
-- store can tell.
-- takes: table_text, last_run_id

DELETE FROM sweeps WHERE table_name = {{table_text}} AND run_id > {{last_run_id}};
