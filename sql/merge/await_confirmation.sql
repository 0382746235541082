-- For one sweep that cannot declare a record gone alone: records that an earlier sweep missed too are closed as of that
-- sweep; the others stay open and become candidates.
-- takes: table, table_text, sweep, keys_of_current, key_texts, run_id, valid_from

CREATE OR REPLACE TEMP TABLE _hclake_missing AS
SELECT _current, _missing_scope, {{key_texts}} AS _missing_key
FROM (SELECT d._current, c._scope AS _missing_scope, {{keys_of_current}}
      FROM {{table}} c JOIN _hclake_diff d ON d._current = c.rowid
      WHERE d._change = 'gone' AND d._sweep = {{sweep}}) _hclake_missing_rows;

INSERT INTO gone_candidates
SELECT {{table_text}}, m._missing_scope, m._missing_key, {{valid_from}}, {{run_id}}
FROM _hclake_missing m
WHERE NOT EXISTS (
    SELECT 1 FROM gone_candidates g
    WHERE g.table_name = {{table_text}} AND g.scope = m._missing_scope AND g."key" = m._missing_key
);

UPDATE _hclake_diff d
SET _closed_at = g.missed_at
FROM _hclake_missing m
JOIN gone_candidates g ON g.table_name = {{table_text}} AND g.scope = m._missing_scope AND g."key" = m._missing_key
WHERE d._current = m._current AND d._change = 'gone';

INSERT INTO _hclake_waiting
SELECT {{sweep}}, count(*)
FROM _hclake_diff WHERE _change = 'gone' AND _sweep = {{sweep}} AND _closed_at = {{valid_from}};

DELETE FROM _hclake_diff WHERE _change = 'gone' AND _sweep = {{sweep}} AND _closed_at = {{valid_from}};
