//! What alerts found and what was sent of it, in the ledger. It judges no row and sends nothing.

use std::path::Path;

use duckdb::{Connection, Row, params};

use crate::base::clock::Timestamp;
use crate::schema::SENT_MESSAGES;
use crate::store::error::Error;
use crate::store::file::memory::tables_held;
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::template::{self, Template};

/// Days that alerts which are over, and messages, stay in the ledger.
pub(crate) const NOTICES_KEPT_DAYS: i64 = 400;
const DAY_US: i64 = 86_400_000_000;

/// An alert that fires, or fired, for one row of its report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Episode {
    pub alert: String,
    pub subject: String,
    pub fired_run_id: i64,
    pub fired_at: Timestamp,
    /// The row then, as JSON.
    pub row: String,
}

/// A message to one channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub notice: String,
    pub channel: String,
    pub run_id: Option<i64>,
    pub at: Timestamp,
    pub title: String,
    /// As JSON.
    pub message: String,
    pub state: String,
    pub attempts: u32,
    pub error: Option<String>,
}

/// What a run adds to the ledger of alerts before anything is sent.
#[derive(Debug, Default)]
pub(crate) struct Begun<'a> {
    pub fired: &'a [Episode],
    /// Alerts and subjects that are over, with the run that found it and its start.
    pub over: &'a [(Episode, i64, Timestamp)],
    /// Messages that are sent for the first time.
    pub new: &'a [Notice],
    /// Messages that failed before and are sent again.
    pub again: &'a [Notice],
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub notice: String,
    pub channel: String,
    pub state: &'static str,
    pub error: Option<String>,
}

/// The alerts that fire. None in a store that is older than alerts are.
pub(crate) fn open_alerts(connection: &Connection) -> Result<Vec<Episode>, Error> {
    if !has_alerts(connection)? {
        return Ok(Vec::new());
    }
    let read = || {
        let mut statement = connection.prepare(template::ALERTS_OPEN.text)?;
        let rows = statement.query_map([], |row| {
            let fired_at = Timestamp(row.get(3)?);
            Ok(Episode {
                alert: row.get(0)?,
                subject: row.get(1)?,
                fired_run_id: row.get(2)?,
                fired_at,
                row: row.get(4)?,
            })
        })?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read which alerts fire"))
}

/// Messages that certainly did not arrive, of this instant or later, with fewer attempts than that.
pub(crate) fn failed_notices(
    connection: &Connection,
    since: Timestamp,
    attempts_max: u32,
    rows_max: u32,
) -> Result<Vec<Notice>, Error> {
    let values = params![since.to_string(), attempts_max, rows_max];
    notices(connection, template::NOTICES_FAILED, values)
}

/// The newest messages.
pub(crate) fn newest_notices(connection: &Connection, rows_max: u32) -> Result<Vec<Notice>, Error> {
    notices(connection, template::NOTICES_NEWEST, params![rows_max])
}

fn notices(connection: &Connection, question: Template, values: &[&dyn duckdb::ToSql]) -> Result<Vec<Notice>, Error> {
    if !has_alerts(connection)? {
        return Ok(Vec::new());
    }
    let read = || {
        let mut statement = connection.prepare(question.text)?;
        let rows = statement.query_map(values, notice)?;
        rows.collect::<duckdb::Result<_>>()
    };
    read().map_err(Error::sql("read which messages were sent"))
}

fn notice(row: &Row<'_>) -> duckdb::Result<Notice> {
    Ok(Notice {
        notice: row.get(0)?,
        channel: row.get(1)?,
        run_id: row.get(2)?,
        at: Timestamp(row.get(3)?),
        title: row.get(4)?,
        message: row.get(5)?,
        state: row.get(6)?,
        attempts: row.get(7)?,
        error: row.get(8)?,
    })
}

fn has_alerts(connection: &Connection) -> Result<bool, Error> {
    Ok(tables_held(connection)?.iter().any(|name| name == SENT_MESSAGES))
}

/// Writes what alerts found, and which messages are about to be sent. Old entries are removed.
pub(crate) fn begin_notices(
    path: &Path,
    at: Timestamp,
    settings: &StoreSettings,
    begun: &Begun<'_>,
) -> Result<(), Error> {
    let shadow = ShadowCopy::open(path, at, settings)?;
    let write = || -> duckdb::Result<()> {
        let connection = shadow.connection();
        for Episode { alert, subject, fired_run_id, fired_at, row } in begun.fired {
            let values = params![alert, subject, fired_run_id, fired_at.to_string(), row];
            connection.execute(template::ALERT_FIRE.text, values)?;
        }
        for (Episode { alert, subject, .. }, run_id, at) in begun.over {
            connection.execute(template::ALERT_END.text, params![alert, subject, run_id, at.to_string()])?;
        }
        for Notice { notice, channel, run_id, at, title, message, .. } in begun.new {
            let values = params![notice, channel, run_id, at.to_string(), title, message];
            connection.execute(template::NOTICE_BEGIN.text, values)?;
        }
        for Notice { notice, channel, .. } in begun.again {
            connection.execute(template::NOTICE_AGAIN.text, params![notice, channel])?;
        }
        let oldest = Timestamp(at.0 - NOTICES_KEPT_DAYS * DAY_US).to_string();
        connection.execute(template::PRUNE_NOTICES.text, params![oldest])?;
        connection.execute(template::PRUNE_ALERTS.text, params![oldest])?;
        Ok(())
    };
    write().map_err(Error::sql("write what alerts found"))?;
    shadow.replace(|_| Ok(()))
}

/// Writes what became of messages.
pub(crate) fn end_notices(path: &Path, at: Timestamp, settings: &StoreSettings, ended: &[Ended]) -> Result<(), Error> {
    let shadow = ShadowCopy::open(path, at, settings)?;
    for Ended { notice, channel, state, error } in ended {
        let values = params![notice, channel, state, error];
        let written = shadow.connection().execute(template::NOTICE_END.text, values);
        written.map_err(Error::sql("write what became of a message"))?;
    }
    shadow.replace(|_| Ok(()))
}
