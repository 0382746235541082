//! Small lists, batches made from JSON, and a whole run in one call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use duckdb::Connection;
use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::catalog::file;
use crate::catalog::reach::Reach;
use crate::catalog::spec::{Endpoint, Scope};
use crate::schema::{StoredColumn, UTC, UTC_OFFSET, arrow_schema, in_utc, schema_in_utc};
use crate::store::{
    DeletionGuard, Error, NotShown, Outcome, Purpose, Reader, RunRecord, StagedRun, StoreSettings, SweepCounts,
    SweepId, SweepRecord, Verdict, open_read_only, run_checks,
};

/// A list called `name` with `columns` as in its file; `key` is the inline form.
pub(super) fn endpoint(name: &str, key: &str, updated: Option<&str>, columns: &str) -> Endpoint {
    let updated = updated.map_or(String::new(), |column| format!("updated = \"{column}\"\n"));
    let text = format!(
        r#"
name = "{name}"
title = "Things"
about = "Things that a test keeps; it's only a test."
service = "workspace"
method = "GET"
path = "/v1/things"
scope = "iam_project"
items = "items"
key = [{key}]
doc = "https://example.invalid/"
{updated}
[paging]
kind = "offset"
in = "query"
position = "offset"
size = "limit"
limit = 100
pages_max = 10
{columns}"#
    );
    file::parse(&text).unwrap()
}

pub(super) fn column(name: &str, ty: &str) -> String {
    format!("[[column]]\nname = \"{name}\"\nabout = \"The {name}.\"\n{ty}\n")
}

/// `things`: an id and a state, both text.
pub(super) fn things() -> Endpoint {
    let columns = column("id", "type = \"text\"") + &column("state", "type = \"text\"");
    endpoint("things", "{ column = \"id\" }", None, &columns)
}

/// Rows given as JSON objects with the stored columns' names and `_hash`.
pub(super) fn batch(endpoint: &Endpoint, rows: &[Value]) -> RecordBatch {
    let stored = endpoint.stored_columns().into_iter().map(|column| StoredColumn { nullable: true, ..column });
    let schema = arrow_schema(&stored.collect::<Vec<_>>());
    // Arrow's JSON reader knows no zone by name, so instants are read at offset zero and then renamed.
    let read = Arc::new(schema_in_utc(&schema, UTC_OFFSET));
    let mut decoder = ReaderBuilder::new(read.clone()).with_batch_size(rows.len().max(1)).build_decoder().unwrap();
    decoder.serialize(rows).unwrap();
    let decoded = decoder.flush().unwrap().unwrap_or_else(|| RecordBatch::new_empty(read));
    in_utc(&decoded, UTC).unwrap()
}

pub(super) fn row(id: &str) -> Value {
    serde_json::json!({ "id": id, "state": "up", "_hash": 1 })
}

pub(super) fn scope(project: &str) -> Scope {
    Scope { region: "north-1".into(), project: project.into(), fixed: None }
}

pub(super) fn settings() -> StoreSettings {
    StoreSettings {
        lock_timeout: Duration::ZERO,
        wait: |_: Duration| panic!("no test waits for a lock by accident"),
        memory_limit_mb: 160,
        request_log_days: 30,
        deletion_guard: DeletionGuard::new(30),
        allow_gone: false,
        purpose: Purpose::Any,
    }
}

/// Start of the n-th run: midnight of the n-th day.
pub(super) fn run_start(n: i64) -> Timestamp {
    Timestamp(1_767_225_600_000_000 + n * 86_400_000_000)
}

pub(super) fn run_record() -> RunRecord {
    RunRecord {
        ended_at: run_start(400),
        outcome: Outcome::Complete,
        settings_hash: "s".into(),
        pending_publish: Vec::new(),
    }
}

pub(super) fn sweep_record(sweep: SweepId, verdict: Verdict, rows_read: u64) -> SweepRecord {
    SweepRecord {
        sweep,
        started_at: run_start(0),
        ended_at: run_start(0),
        verdict,
        proof: Some("seams".into()),
        not_shown: NotShown::AreGone,
        reach: Reach::ALL,
        reached_to: None,
        parents: None,
        parts: Vec::new(),
        reported_total_first: Some(rows_read),
        reported_total_last: Some(rows_read),
        rows_read,
        duplicates: 0,
        quarantined: 0,
        pages: 1,
        requests: 1,
        retries: 0,
        throttled: 0,
        waited_ms: 0,
        bytes: 1000,
        error: None,
    }
}

/// A folder for a store, which the first run makes.
pub(super) struct Place {
    pub folder: tempfile::TempDir,
    pub store: PathBuf,
}

impl Place {
    pub(super) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("hclake.duckdb");
        Place { folder, store }
    }

    pub(super) fn open_run(&self, endpoint: &Endpoint, number: i64) -> Result<StagedRun, Error> {
        StagedRun::open(&self.store, std::slice::from_ref(endpoint), &|| run_start(number), &settings())
    }

    /// One complete sweep of one scope.
    pub(super) fn sync(&self, endpoint: &Endpoint, number: i64, rows: &[Value]) -> Result<SweepCounts, Error> {
        let mut run = self.open_run(endpoint, number)?;
        let sweep = run.begin_sweep(&endpoint.name, &scope("p1"))?;
        run.stage(sweep, &batch(endpoint, rows), 0)?;
        let record = sweep_record(sweep, Verdict::Complete, rows.len() as u64);
        Ok(run.commit(&run_record(), &[record], &[], &[], &[])?[0])
    }

    pub(super) fn read(&self) -> Reader {
        open_read_only(&self.store).unwrap()
    }

    pub(super) fn files(&self) -> Vec<String> {
        files_of(self.folder.path())
    }

    pub(super) fn require_sound(&self, endpoint: &Endpoint) {
        assert_eq!(run_checks(&self.read(), std::slice::from_ref(endpoint)).unwrap(), []);
    }
}

pub(super) fn files_of(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The rows of a query, every value as text, NULL as `-`.
pub(super) fn texts(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = connection.prepare(&format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})")).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let width = row.as_ref().column_count();
        found.push((0..width).map(|i| row.get::<_, Option<String>>(i).unwrap().unwrap_or("-".into())).collect());
    }
    found
}
