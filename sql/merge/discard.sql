-- Drops what one sweep has staged and protected.
-- takes: stage, sweep

DELETE FROM {{stage}} WHERE _sweep = {{sweep}};
DELETE FROM _hclake_protected WHERE sweep = {{sweep}};
