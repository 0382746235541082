//! The ledger's rows as values, and how they are written to its tables. It decides nothing: the caller knows what
//! the run did.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use duckdb::Connection;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::verdict::{Outcome, Verdict};
use crate::base::clock::Timestamp;
use crate::catalog::reach::Reach;
use crate::catalog::spec::Scope;
use crate::schema::{REQUESTS, RUNS, SWEEPS, UTC};
use crate::store::error::Error;
use crate::store::file::shadow_copy::PROGRAM;
use crate::store::sweeps::{NotShown, RunStamp, SweepCounts, SweepId};
use crate::store::table::append::{self, CHUNK_BYTES, Database};
use crate::store::table::raw::RawText;
use crate::store::template::{self, Template, Values, instant};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The run as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// When all lists had been read.
    pub ended_at: Timestamp,
    /// The outcome as far as the caller knows it; a sweep that is held back makes it [`Outcome::Partial`].
    pub outcome: Outcome,
    /// Equal for runs with equal settings.
    pub settings_hash: String,
    /// What must be published once the run is stored.
    pub pending_publish: Vec<PendingPublish>,
}

/// A place that the run must be published to.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingPublish {
    pub target: String,
    /// The newest run that it holds already.
    pub published_run_id: Option<i64>,
}

/// One part of a list that is read in parts: the records of one parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    /// As `StagedRun::begin_part` gave it.
    pub sweep: SweepId,
    /// Whether its listing is complete.
    pub verdict: Verdict,
    /// What happens to records that were not listed.
    pub not_shown: NotShown,
    /// The records that it could have listed.
    pub reach: Reach,
    /// The end of its time window, where the list has one.
    pub reached_to: Option<Timestamp>,
    /// The parent's columns that show a change, as they were before it was read.
    pub moved: Option<String>,
}

/// How many parents a list has, and for how many it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentCounts {
    /// All that are known.
    pub known: u64,
    /// Those that this sweep asked for.
    pub asked: u64,
}

/// One sweep of one table in one scope. Counts are rows, pages or calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRecord {
    /// As `StagedRun::begin_sweep` gave it.
    pub sweep: SweepId,
    /// Before the first request.
    pub started_at: Timestamp,
    /// After the last page was staged.
    pub ended_at: Timestamp,
    /// Whether the listing is complete. Only a complete one may declare records gone.
    pub verdict: Verdict,
    /// How it was proved complete, or why it was not.
    pub proof: Option<String>,
    /// What happens to records that were not listed.
    pub not_shown: NotShown,
    /// The records that it could have listed.
    pub reach: Reach,
    /// The end of its time window, where the list has one.
    pub reached_to: Option<Timestamp>,
    /// Where the list has a parent.
    pub parents: Option<ParentCounts>,
    /// What is stored, part by part, where the list has a parent.
    pub parts: Vec<PartRecord>,
    /// The total in the first page, where the list reports one.
    pub reported_total_first: Option<u64>,
    /// The total in the last page. Another than the first means that the list moved.
    pub reported_total_last: Option<u64>,
    /// Rows of the reading that was kept; one that came again at a seam counts once.
    pub rows_read: u64,
    /// Rows dropped as duplicates before they reached the store; the store adds those that it drops.
    pub duplicates: u64,
    /// Rows that could not be read.
    pub quarantined: u64,
    /// Pages read, over all readings.
    pub pages: u64,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests beyond the first for the same page.
    pub retries: u64,
    /// Answers that said "too many requests".
    pub throttled: u64,
    /// Milliseconds spent waiting for the rate limit and between retries.
    pub waited_ms: u64,
    /// Bytes of bodies, after decompression.
    pub bytes: u64,
    /// Why it failed, if it did.
    pub error: Option<SweepError>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepError {
    pub class: String,
    pub status: Option<u16>,
    pub code: Option<String>,
    pub message: String,
    pub request_id: Option<String>,
}

/// One call to the cloud; a call that belongs to no list has no sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    pub(crate) sweep: Option<SweepId>,
    pub(crate) at: Timestamp,
    pub(crate) path: String,
    /// `None` if no answer came.
    pub(crate) status: Option<u16>,
    pub(crate) attempt: u32,
    pub(crate) ms: u64,
    pub(crate) bytes: u64,
    pub(crate) request_id: Option<String>,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct QuarantineRecord {
    /// The sweep that met it.
    pub sweep: SweepId,
    /// Parts of the key as texts, if they could be read.
    pub key: Option<Vec<String>>,
    /// Why it could not be read, in words.
    pub reason: String,
    /// The record's JSON text as received.
    pub raw: RawText,
    /// Records skipped before its page.
    pub page: Option<u64>,
    /// The cloud's id for the answer that held it.
    pub request_id: Option<String>,
}

/// How records differ from the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DriftKind {
    /// They have a member that the catalog does not know.
    Unknown,
    /// No record has a declared member any longer.
    Vanished,
    /// A member has another type in all records.
    Type,
}

impl DriftKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            DriftKind::Unknown => "unknown",
            DriftKind::Vanished => "vanished",
            DriftKind::Type => "type",
        }
    }
}

/// A member in which a table's records differ from the catalog, and how many of them.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftRecord {
    pub(crate) table: String,
    pub(crate) kind: DriftKind,
    pub(crate) field: String,
    pub(crate) count: u64,
    pub(crate) sample: Option<String>,
    /// The kind of JSON value that an unknown member has, such as `text`.
    pub(crate) form: Option<String>,
}

/// Unknown members of one table that are kept by name; further ones are counted together.
pub(crate) const DRIFT_FIELDS_MAX: usize = 1_000;
/// The name under which the further ones are counted.
pub(crate) const DRIFT_OTHERS: &str = "(others)";

/// A sweep with its table, scope and counts.
pub(crate) struct SweepRow<'a> {
    pub table: &'a str,
    pub scope: &'a Scope,
    pub record: &'a SweepRecord,
    pub counts: SweepCounts,
}

/// A part of a list that was read completely.
pub(crate) struct CompletePart<'a> {
    pub table: &'a str,
    pub scope: &'a Scope,
    pub parent: &'a [String],
    pub moved: Option<&'a str>,
    pub reached_to: Option<Timestamp>,
}

/// Table and scope of a sweep, by its id.
pub(crate) type Places<'a> = &'a dyn Fn(SweepId) -> (&'a str, String);

/// The ledger within a run's transaction.
pub(crate) struct Ledger<'a> {
    pub connection: &'a Connection,
    pub run: RunStamp,
}

impl Ledger<'_> {
    pub(crate) fn add_run(&self, run: &RunRecord, outcome: Outcome) -> Result<(), Error> {
        self.append(
            Database::Store,
            RUNS,
            batch([
                ("run_id", int64s([Some(self.run.run_id)])),
                ("version", texts([Some(PROGRAM)])),
                ("started_at", instants([Some(self.run.valid_from)])),
                ("ended_at", instants([Some(run.ended_at)])),
                ("outcome", texts([Some(outcome.name())])),
                ("settings_hash", texts([Some(&run.settings_hash)])),
            ]),
        )?;
        run.pending_publish.iter().try_for_each(|pending| self.mark_published(pending))
    }

    fn mark_published(&self, pending: &PendingPublish) -> Result<(), Error> {
        let published = pending.published_run_id.map_or("NULL".to_owned(), |id| id.to_string());
        let values = [("target", template::literal(&pending.target)), ("published_run_id", published)];
        self.execute(&template::MARK_PUBLISHED, Values::from(values))
    }

    pub(crate) fn add_sweeps(&self, rows: &[SweepRow]) -> Result<(), Error> {
        let text = |of: &dyn Fn(&SweepRow) -> Option<String>| texts(rows.iter().map(of));
        let at = |of: &dyn Fn(&SweepRecord) -> Timestamp| instants(rows.iter().map(|row| Some(of(row.record))));
        let limit =
            |of: &dyn Fn(&SweepRecord) -> Option<i64>| instants(rows.iter().map(|row| of(row.record).map(Timestamp)));
        let read = |of: &dyn Fn(&SweepRecord) -> u64| counts(rows.iter().map(|row| Some(of(row.record))));
        let made = |of: &dyn Fn(&SweepCounts) -> u64| counts(rows.iter().map(|row| Some(of(&row.counts))));
        let error = |of: &dyn Fn(&SweepError) -> Option<String>| {
            texts(rows.iter().map(|row| row.record.error.as_ref().and_then(of)))
        };
        let status = rows.iter().map(|row| row.record.error.as_ref().and_then(|e| e.status).map(i32::from));
        self.append(
            Database::Store,
            SWEEPS,
            batch([
                ("run_id", int64s(rows.iter().map(|_| Some(self.run.run_id)))),
                ("table_name", text(&|row| Some(row.table.to_owned()))),
                ("scope", text(&|row| Some(row.scope.to_string()))),
                ("region", text(&|row| Some(row.scope.region.clone()))),
                ("project", text(&|row| Some(row.scope.project.clone()))),
                ("started_at", at(&|r| r.started_at)),
                ("ended_at", at(&|r| r.ended_at)),
                ("verdict", text(&|row| Some(row.record.verdict.name().to_owned()))),
                ("proof", text(&|row| row.record.proof.clone())),
                ("reported_total_first", counts(rows.iter().map(|row| row.record.reported_total_first))),
                ("reported_total_last", counts(rows.iter().map(|row| row.record.reported_total_last))),
                ("rows_read", read(&|r| r.rows_read)),
                ("distinct_count", made(&|c| c.distinct_staged)),
                ("new", made(&|c| c.new)),
                ("changed", made(&|c| c.changed)),
                ("unchanged", made(&|c| c.unchanged)),
                ("gone", made(&|c| c.gone)),
                ("held_back", made(&|c| c.held_back)),
                ("duplicates", counts(rows.iter().map(|row| Some(row.duplicates())))),
                ("conflicts", made(&|c| c.conflicts)),
                ("quarantined", read(&|r| r.quarantined)),
                ("pages", read(&|r| r.pages)),
                ("requests", read(&|r| r.requests)),
                ("retries", read(&|r| r.retries)),
                ("throttled", read(&|r| r.throttled)),
                ("waited_ms", read(&|r| r.waited_ms)),
                ("bytes", read(&|r| r.bytes)),
                ("error_class", error(&|e| Some(e.class.clone()))),
                ("error_status", int32s(status)),
                ("error_code", error(&|e| e.code.clone())),
                ("error_message", error(&|e| Some(e.message.clone()))),
                ("error_request_id", error(&|e| e.request_id.clone())),
                ("unconfirmed", made(&|c| c.unconfirmed)),
                ("reach_from", limit(&|r| r.reach.from_us)),
                ("reach_to", limit(&|r| r.reach.to_us)),
                ("parents", counts(rows.iter().map(|row| row.record.parents.map(|parents| parents.known)))),
                ("parents_asked", counts(rows.iter().map(|row| row.record.parents.map(|parents| parents.asked)))),
            ]),
        )
    }

    /// Adds the run's calls and deletes those older than `keep_days`.
    pub(crate) fn add_requests(&self, records: &[RequestRecord], places: Places, keep_days: u32) -> Result<(), Error> {
        let place = |r: &RequestRecord| r.sweep.map(places);
        let rows = batch([
            ("run_id", int64s(records.iter().map(|_| Some(self.run.run_id)))),
            ("table_name", texts(records.iter().map(|r| place(r).map(|(table, _)| table)))),
            ("scope", texts(records.iter().map(|r| place(r).map(|(_, scope)| scope)))),
            ("time", instants(records.iter().map(|r| Some(r.at)))),
            ("path", texts(records.iter().map(|r| Some(&r.path)))),
            ("status", int32s(records.iter().map(|r| r.status.map(i32::from)))),
            ("attempt", int32s(records.iter().map(|r| Some(i32::try_from(r.attempt).unwrap_or(i32::MAX))))),
            ("ms", counts(records.iter().map(|r| Some(r.ms)))),
            ("bytes", counts(records.iter().map(|r| Some(r.bytes)))),
            ("request_id", texts(records.iter().map(|r| r.request_id.as_ref()))),
        ]);
        self.append(Database::Store, REQUESTS, rows)?;
        let before = Timestamp(self.run.valid_from.0.saturating_sub(i64::from(keep_days) * MICROS_PER_DAY));
        self.execute(&template::PRUNE_REQUESTS, Values::from([("before", instant(before))]))
    }

    /// Records which parts of lists were read completely.
    pub(crate) fn fold_complete(&self, rows: &[CompletePart]) -> Result<(), Error> {
        let parts = batch([
            ("table_name", texts(rows.iter().map(|row| Some(row.table)))),
            ("scope", texts(rows.iter().map(|row| Some(row.scope.to_string())))),
            ("parent", text_lists(rows.iter().map(|row| Some(row.parent)))),
            ("moved", texts(rows.iter().map(|row| row.moved))),
            ("reached_to", instants(rows.iter().map(|row| row.reached_to))),
        ]);
        self.append(Database::Temp, "_hclake_complete", parts)?;
        self.execute(&template::FOLD_COMPLETE, Values::new())
    }

    /// A few records at a time, so that at most [`CHUNK_BYTES`] of their texts are in memory, or one text.
    pub(crate) fn fold_quarantine(&self, records: &[QuarantineRecord], places: Places) -> Result<(), Error> {
        chunks(records).into_iter().try_for_each(|chunk| self.fold_quarantined(chunk, places))
    }

    fn fold_quarantined(&self, records: &[QuarantineRecord], places: Places) -> Result<(), Error> {
        let read = |record: &QuarantineRecord| record.raw.read();
        let raw: Vec<Arc<str>> =
            records.iter().map(read).collect::<Result<_, _>>().map_err(|source| Error::RawLost { source })?;
        let rows = batch([
            ("table_name", texts(records.iter().map(|r| Some(places(r.sweep).0)))),
            ("scope", texts(records.iter().map(|r| Some(places(r.sweep).1)))),
            ("key", text_lists(records.iter().map(|r| r.key.as_deref()))),
            ("raw_hash", int64s(raw.iter().map(|raw| Some(xxh3_64(raw.as_bytes()).cast_signed())))),
            ("reason", texts(records.iter().map(|r| Some(&r.reason)))),
            ("raw", texts(raw.iter().map(Some))),
            ("page", counts(records.iter().map(|r| r.page))),
            ("request_id", texts(records.iter().map(|r| r.request_id.as_ref()))),
        ]);
        self.append(Database::Temp, "_hclake_quarantine", rows)?;
        self.execute(&template::FOLD_QUARANTINE, Values::new())?;
        self.execute(&template::CLEAR_QUARANTINE, Values::new())
    }

    pub(crate) fn fold_drift(&self, records: &[DriftRecord]) -> Result<(), Error> {
        let rows = batch([
            ("table_name", texts(records.iter().map(|r| Some(&r.table)))),
            ("field", texts(records.iter().map(|r| Some(&r.field)))),
            ("count", counts(records.iter().map(|r| Some(r.count)))),
            ("sample", texts(records.iter().map(|r| r.sample.as_ref()))),
            ("kind", texts(records.iter().map(|r| Some(r.kind.name())))),
            ("form", texts(records.iter().map(|r| r.form.as_ref()))),
        ]);
        self.append(Database::Temp, "_hclake_drift", rows)?;
        let bounds = [("fields_max", DRIFT_FIELDS_MAX.to_string()), ("others", template::literal(DRIFT_OTHERS))];
        self.execute(&template::FOLD_DRIFT, Values::from(bounds))
    }

    /// Call it after the run's sweeps are in the ledger.
    pub(crate) fn resolve_keyless(&self) -> Result<(), Error> {
        self.execute(&template::RESOLVE_KEYLESS, Values::new())
    }

    fn append(&self, to: Database, table: &str, rows: RecordBatch) -> Result<(), Error> {
        let appended = match to {
            Database::Store => append::append_by_name(self.connection, table, rows),
            Database::Temp => append::append(self.connection, to, table, rows),
        };
        appended.map_err(Error::sql(format!("write the ledger's {table}")))
    }

    fn execute(&self, template: &Template, mut values: Values) -> Result<(), Error> {
        self.run.add_to(&mut values);
        let sql = template.fill(&values)?;
        self.connection.execute_batch(&sql).map_err(Error::sql(format!("run sql/{}", template.file)))
    }
}

impl SweepRow<'_> {
    fn duplicates(&self) -> u64 {
        self.record.duplicates + (self.counts.staged - self.counts.distinct_staged)
    }
}

/// The records in their order, in parts whose texts have at most [`CHUNK_BYTES`] together, or of one record.
fn chunks(records: &[QuarantineRecord]) -> Vec<&[QuarantineRecord]> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, record) in records.iter().enumerate() {
        if at > start && bytes + record.raw.bytes() > CHUNK_BYTES {
            chunks.push(&records[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += record.raw.bytes();
    }
    chunks.push(&records[start..]);
    chunks
}

/// The most bytes that the texts of `rows` consecutive records have.
pub(crate) fn widest(records: &[QuarantineRecord], rows: u64) -> u64 {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let (mut bytes, mut widest) = (0, 0);
    for (at, record) in records.iter().enumerate() {
        bytes += record.raw.bytes() as u64;
        bytes -= at.checked_sub(rows).map_or(0, |before| records[before].raw.bytes() as u64);
        widest = widest.max(bytes);
    }
    widest
}

pub(crate) fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)))
        .expect("every column is made from the same records")
}

pub(crate) fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

pub(crate) fn int32s(values: impl IntoIterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int32Array>())
}

fn int64s(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

fn counts(values: impl IntoIterator<Item = Option<u64>>) -> ArrayRef {
    int64s(values.into_iter().map(|value| value.map(|n| i64::try_from(n).unwrap_or(i64::MAX))))
}

pub(crate) fn instants(values: impl IntoIterator<Item = Option<Timestamp>>) -> ArrayRef {
    let micros = values.into_iter().map(|value| value.map(|at| at.0)).collect::<TimestampMicrosecondArray>();
    Arc::new(micros.with_timezone(UTC))
}

pub(crate) fn text_lists<'a>(values: impl IntoIterator<Item = Option<&'a [String]>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for value in values {
        match value {
            Some(parts) => lists.append_value(parts.iter().map(Some)),
            None => lists.append_null(),
        }
    }
    Arc::new(lists.finish())
}
