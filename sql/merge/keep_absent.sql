-- Keeps the records open that a sweep did not list, if the sweep must not declare them gone.
-- takes: sweep

DELETE FROM _hclake_diff WHERE _change = 'gone' AND _sweep = {{sweep}};
