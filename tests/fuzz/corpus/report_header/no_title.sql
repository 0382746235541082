-- about: x
SELECT 1;
