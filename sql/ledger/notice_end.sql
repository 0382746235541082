-- What became of a message. Bound: notice, channel, state, error.
-- takes:

UPDATE sent_messages SET state = $3, error = $4 WHERE notice = $1 AND channel = $2 AND state = 'sending';
