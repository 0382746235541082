-- Records the parts of lists that this run has read completely, in place of their sweeps before.
-- takes: run_id, valid_from

DELETE FROM last_complete l USING _hclake_complete n
WHERE l.table_name = n.table_name AND l.scope = n.scope AND l.parent = n.parent;

INSERT INTO last_complete BY NAME
SELECT table_name, scope, parent, moved, reached_to, {{run_id}} AS run_id, {{valid_from}} AS "at" FROM _hclake_complete;
