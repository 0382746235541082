-- What alerts found, and what was sent of it.

CREATE TABLE alerts (
    alert        VARCHAR NOT NULL,
    subject      VARCHAR NOT NULL,
    fired_run_id BIGINT NOT NULL,
    fired_at     TIMESTAMPTZ NOT NULL,
    "row"        VARCHAR NOT NULL,
    over_run_id  BIGINT,
    over_at      TIMESTAMPTZ
);
COMMENT ON TABLE alerts IS 'One row for each time that an alert fired: from the run whose records fulfilled its condition to the first run whose records did not.';
COMMENT ON COLUMN alerts.alert IS 'Name of the [[alert]] in hclake.toml.';
COMMENT ON COLUMN alerts.subject IS 'The row of the report that it fired for, by the columns that tell rows apart.';
COMMENT ON COLUMN alerts.fired_run_id IS 'The run after which the condition was true for the first time.';
COMMENT ON COLUMN alerts.fired_at IS 'Start of that run.';
COMMENT ON COLUMN alerts."row" IS 'The whole row of the report then, as JSON.';
COMMENT ON COLUMN alerts.over_run_id IS 'The run after which the condition was no longer true; empty while the alert fires.';
COMMENT ON COLUMN alerts.over_at IS 'Start of that run.';

CREATE TABLE sent_messages (
    notice   VARCHAR NOT NULL,
    channel  VARCHAR NOT NULL,
    run_id   BIGINT,
    "at"     TIMESTAMPTZ NOT NULL,
    title    VARCHAR NOT NULL,
    message  VARCHAR NOT NULL,
    state    VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    error    VARCHAR
);
COMMENT ON TABLE sent_messages IS 'One row for each message to each [[notify]] of hclake.toml.';
COMMENT ON COLUMN sent_messages.notice IS 'Identifies the message; the same for each attempt and each channel.';
COMMENT ON COLUMN sent_messages.channel IS 'Name of the [[notify]].';
COMMENT ON COLUMN sent_messages.run_id IS 'The run that it is about; empty where the run stored nothing.';
COMMENT ON COLUMN sent_messages."at" IS 'When it was first to be sent.';
COMMENT ON COLUMN sent_messages.title IS 'The first line of the message.';
COMMENT ON COLUMN sent_messages.message IS 'The message as JSON.';
COMMENT ON COLUMN sent_messages.state IS 'sent; failed: it was certainly not delivered, and later runs try again; unknown: it may have arrived, so it is not sent again; sending: the program ended before it could say more, which counts as unknown.';
COMMENT ON COLUMN sent_messages.attempts IS 'Runs that tried to send it.';
COMMENT ON COLUMN sent_messages.error IS 'Why it was not delivered.';
