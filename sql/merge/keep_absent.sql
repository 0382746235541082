-- Leaves open what a sweep did not list, where the sweep may not or must not declare it gone.
-- takes: sweep

DELETE FROM _hclake_diff WHERE _change = 'gone' AND _sweep = {{sweep}};
