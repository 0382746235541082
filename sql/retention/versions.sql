-- Removes the closed versions that were open at no run which the store still answers. A version opens at the start of a
-- run, so it is enough to know the first such run from there on.
-- takes: history

DELETE FROM {{history}} h USING _hclake_fate f WHERE f.started_at = h._valid_from AND f.next_at >= h._valid_to;
