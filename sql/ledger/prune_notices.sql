-- Removes messages from before an instant. Bound: the instant as text.
-- takes:

DELETE FROM sent_messages WHERE "at" < CAST($1 AS TIMESTAMPTZ);
