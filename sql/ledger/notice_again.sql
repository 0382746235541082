-- A message that was certainly not delivered is about to be sent again. Bound: notice, channel.
-- takes:

UPDATE sent_messages SET state = 'sending', attempts = attempts + 1, error = NULL
WHERE notice = $1 AND channel = $2 AND state = 'failed';
