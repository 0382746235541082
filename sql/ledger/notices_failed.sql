-- Messages that were certainly not delivered, the oldest first, of this instant or later. Bound: instant as text, tries
-- at most, rows at most.
-- takes:

SELECT notice, channel, run_id, epoch_us("at"), title, message, state, attempts, error FROM sent_messages
WHERE state = 'failed' AND "at" >= CAST($1 AS TIMESTAMPTZ) AND attempts < $2
ORDER BY "at", notice, channel LIMIT $3;
