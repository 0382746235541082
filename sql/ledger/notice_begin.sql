-- A message is about to be sent. Bound: notice, channel, run, instant as text, title, message as JSON.
-- takes:

INSERT INTO sent_messages (notice, channel, run_id, "at", title, message, state, attempts)
VALUES ($1, $2, $3, CAST($4 AS TIMESTAMPTZ), $5, $6, 'sending', 1);
