-- The newest messages. Bound: rows at most.
-- takes:

SELECT notice, channel, run_id, epoch_us("at"), title, message, state, attempts, error FROM sent_messages
ORDER BY "at" DESC, notice, channel LIMIT $1;
