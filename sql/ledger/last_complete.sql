-- The newest complete sweep of each part of a list. The table is bound as $1, the scope as $2. Instants are microseconds
-- since 1970, UTC.
-- takes:

SELECT parent, moved, epoch_us(reached_to) AS reached_to_us, epoch_us("at") AS at_us
FROM last_complete WHERE table_name = $1 AND scope = $2
ORDER BY parent;
