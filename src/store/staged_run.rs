//! One run's unit of work: rows are staged sweep by sweep, and one commit stores all of them or none.
//! It knows nothing of HTTP or of how rows are decoded.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use duckdb::Connection;

use super::error::Error;
use super::template::{self, Template};
use crate::base::clock::Timestamp;
use crate::catalog::spec::{Endpoint, Scope};
use crate::schema::own_columns;
use crate::store::file::memory::{self, VECTOR_ROWS};
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::ledger::drift::{self, Acknowledged};
use crate::store::ledger::quarantine::{self, Quarantined};
use crate::store::ledger::records::{
    self, DriftRecord, Ledger, QuarantineRecord, RequestRecord, RunRecord, SweepRecord, SweepRow,
};
use crate::store::ledger::verdict::{Outcome, Verdict};
use crate::store::sweeps::{DeletionGuard, NotShown, RunStamp, SweepCounts, SweepId, SweepToMerge};
use crate::store::table::append::{self, Buffer, Database};
use crate::store::table::layout::Layout;
use crate::store::table::merge;
use crate::store::table::raw::RawTexts;
use crate::store::table::reconcile::{self, KeyChange, Prepared};
use crate::store::table::row_file::RowFile;
use crate::store::views;

/// A project from which a table has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SweptProject {
    pub table: String,
    pub region: String,
    pub project: String,
}

/// A run that has begun and is not stored yet. Dropping it leaves the store as it was.
pub struct StagedRun {
    shadow: ShadowCopy,
    tables: Vec<Table>,
    refused: Vec<(String, Error)>,
    key_changes: Vec<KeyChange>,
    sweeps: Vec<Sweep>,
    run: RunStamp,
    deletion_guard: Option<DeletionGuard>,
    request_log_days: u32,
    memory_limit_mb: u64,
    /// Bytes of the largest vector of large values that the store holds.
    wide_bytes: u64,
}

struct Table {
    layout: Layout,
    buffer: Buffer,
}

struct Sweep {
    table: usize,
    scope: Scope,
}

impl StagedRun {
    /// Locks and copies the store at `path`, brings the copy to the schema of this program and of `endpoints`,
    /// and creates the staging tables. The run is dated after that, since the wait for another run may be long;
    /// its instant is always later than that of the run before.
    pub fn open(
        path: &Path,
        endpoints: &[Endpoint],
        now: &dyn Fn() -> Timestamp,
        settings: &StoreSettings,
    ) -> Result<StagedRun, Error> {
        let shadow = ShadowCopy::open(path, now(), settings)?;
        let connection = shadow.connection();
        let prepared = reconcile::run(connection, endpoints)?;
        let (mut layouts, mut refused, mut key_changes) = (Vec::new(), Vec::new(), Vec::new());
        for Prepared { layout, refusal, key_change } in prepared {
            refused.extend(refusal.map(|refusal| (layout.table.clone(), refusal)));
            key_changes.extend(key_change);
            layouts.push(layout);
        }
        views::create(connection)?;
        connection.execute_batch(template::CREATE_STAGING.text).map_err(Error::sql("prepare the staging tables"))?;
        for layout in &layouts {
            let sql = template::CREATE_STAGE.fill(&layout.values())?;
            connection.execute_batch(&sql).map_err(Error::sql("prepare the staging tables"))?;
        }
        let columns = layouts.iter().map(|layout| layout.known.len() + own_columns().count()).sum::<usize>() as u64;
        let memory_limit_mb = memory::for_columns_mb(settings.memory_limit_mb, columns);
        let lists = layouts.iter().map(|layout| layout.table.as_str());
        let wide_bytes = memory::wide_bytes(connection, &memory::tables_held(connection)?, lists)?;
        memory::set_limit(connection, memory::limit_mb(memory_limit_mb, wide_bytes))?;
        let run = next_run(connection, now())?;
        let row_file = |number| RowFile::new(shadow.spill().join(format!("rows-{number}")));
        let tables = layouts.into_iter().enumerate();
        let tables = tables.map(|(n, layout)| Table { layout, buffer: Buffer::new(row_file(n)) }).collect();
        let deletion_guard = (!settings.allow_gone).then_some(settings.deletion_guard);
        Ok(StagedRun {
            shadow,
            tables,
            refused,
            key_changes,
            sweeps: Vec::new(),
            run,
            deletion_guard,
            request_log_days: settings.request_log_days,
            memory_limit_mb,
            wide_bytes,
        })
    }

    /// Tables that do not fit the catalog's entry, and why. Nothing of their lists may be stored.
    pub(crate) fn refused(&self) -> &[(String, Error)] {
        &self.refused
    }

    /// Tables whose key changes with this run, with the old and the new key.
    pub(crate) fn key_changes(&self) -> &[KeyChange] {
        &self.key_changes
    }

    pub(crate) fn run_id(&self) -> i64 {
        self.run.run_id
    }

    /// The instant at which this run's versions open and close.
    pub(crate) fn valid_from(&self) -> Timestamp {
        self.run.valid_from
    }

    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        self.shadow.connection()
    }

    /// Quarantined records that wait for a good copy.
    pub(crate) fn quarantined(&self) -> Result<Vec<Quarantined>, Error> {
        quarantine::quarantined(self.shadow.connection())
    }

    /// Hashes of the contents of dismissed records of a sweep's list.
    pub(crate) fn dismissed(&self, sweep: SweepId) -> Result<HashSet<u64>, Error> {
        let Sweep { table, scope } = self.place(sweep)?;
        quarantine::dismissed(self.shadow.connection(), &self.tables[*table].layout.table, scope)
    }

    /// The acknowledged drift of a sweep's table.
    pub(crate) fn acknowledged(&self, sweep: SweepId) -> Result<Vec<Acknowledged>, Error> {
        let Sweep { table, .. } = self.place(sweep)?;
        drift::acknowledged(self.shadow.connection(), &self.tables[*table].layout.table)
    }

    /// Drops the staged rows of a sweep that must not replace the stored version of their record, and returns their
    /// numbers. A row in `known_newer` may replace it unless its update time is earlier; any other row only if its
    /// update time is later.
    pub(crate) fn drop_older(&mut self, sweep: SweepId, known_newer: &[u64]) -> Result<Vec<u64>, Error> {
        let (table, scope) = (self.place(sweep)?.table, self.place(sweep)?.scope.to_string());
        let Table { layout, buffer } = &mut self.tables[table];
        let connection = self.shadow.connection();
        buffer.flush(connection, layout)?;
        let mut values = layout.values();
        values.insert("sweep", sweep.0.to_string());
        values.insert("scope_text", template::literal(&scope));
        values.insert("known_newer", template::integers(known_newer.iter().map(|seq| *seq as i64)));
        let sql = template::DROP_OLDER.fill(&values)?;
        let read = || {
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map([], |row| row.get::<_, u64>(0))?;
            rows.collect::<duckdb::Result<Vec<u64>>>()
        };
        read().map_err(Error::sql(format!("compare with the open records of table {}", layout.table)))
    }

    /// Marks quarantined records of a sweep's list as resolved, by the hashes of their texts: they are now staged.
    pub(crate) fn resolve(&self, sweep: SweepId, raw_hashes: &[u64]) -> Result<(), Error> {
        let Sweep { table, scope } = self.place(sweep)?;
        let mut values = self.tables[*table].layout.values();
        self.run.add_to(&mut values);
        values.insert("scope_text", template::literal(&scope.to_string()));
        values.insert("raw_hashes", template::integers(raw_hashes.iter().map(|hash| hash.cast_signed())));
        let sql = template::RESOLVE_STORED.fill(&values)?;
        self.shadow.connection().execute_batch(&sql).map_err(Error::sql("resolve quarantined records"))
    }

    /// Begins to stage one scope of a table. The id is needed to stage its rows.
    pub fn begin_sweep(&mut self, table: &str, scope: &Scope) -> Result<SweepId, Error> {
        let found = self.tables.iter().position(|t| t.layout.table == table);
        let table = found.ok_or_else(|| Error::UnknownTable { table: table.to_owned() })?;
        let id = i32::try_from(self.sweeps.len()).expect("a run has far fewer sweeps than 2^31");
        self.sweeps.push(Sweep { table, scope: scope.clone() });
        Ok(SweepId(id))
    }

    /// Stages rows of a sweep: the endpoint's stored columns, then `_hash`. The first row has the number `first_seq`
    /// in the sweep; of rows with the same key and update time the highest number is kept.
    pub fn stage(&mut self, sweep: SweepId, batch: &RecordBatch, first_seq: u64) -> Result<(), Error> {
        let table = self.place(sweep)?.table;
        let Table { layout, buffer } = &mut self.tables[table];
        buffer.push(self.shadow.connection(), layout, sweep.0, batch, first_seq)
    }

    /// Drops what a sweep has staged and protected, so that it can start again.
    pub fn discard(&mut self, sweep: SweepId) -> Result<(), Error> {
        let table = self.place(sweep)?.table;
        let Table { layout, buffer } = &mut self.tables[table];
        buffer.discard(sweep.0);
        let mut values = layout.values();
        values.insert("sweep", sweep.0.to_string());
        let sql = template::DISCARD.fill(&values)?;
        self.shadow.connection().execute_batch(&sql).map_err(Error::sql("discard a sweep"))
    }

    /// Protects records that were listed but could not be read: they are not gone. A key is its parts as texts, in
    /// the order of the endpoint's key.
    pub fn protect(&mut self, sweep: SweepId, keys: &[Vec<String>]) -> Result<(), Error> {
        self.place(sweep)?;
        if keys.is_empty() {
            return Ok(());
        }
        let rows = records::batch([
            ("sweep", records::int32s(keys.iter().map(|_| Some(sweep.0)))),
            ("key", records::text_lists(keys.iter().map(|key| Some(key.as_slice())))),
        ]);
        append::append(self.shadow.connection(), Database::Temp, "_hclake_protected", rows)
            .map_err(Error::sql("keep the keys of quarantined records"))
    }

    /// Where the texts of a sweep's bad records are kept until the run is stored.
    pub(crate) fn raw_texts(&self, sweep: SweepId) -> RawTexts {
        RawTexts::new(self.shadow.spill().join(format!("bad-{}", sweep.0)))
    }

    /// The open records of the sweep's scope that it has neither staged nor protected: for each, the result of
    /// `of_key` for the parts of its key, as texts in the order of the endpoint's key.
    pub fn absent<T>(&mut self, sweep: SweepId, of_key: impl Fn(&[&str]) -> T) -> Result<Vec<T>, Error> {
        let (sql, scope, doing) =
            self.in_scope(sweep, &template::ABSENT, "find the open records that were not shown")?;
        let connection = self.shadow.connection();
        let mut statement = connection.prepare(&sql).map_err(Error::sql(doing.clone()))?;
        let mut made = Vec::new();
        for batch in statement.query_arrow([scope]).map_err(Error::sql(doing))? {
            let keys = batch.column(0).as_list::<i32>();
            for key in keys.iter().flatten() {
                let parts: Vec<&str> = key.as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
                made.push(of_key(&parts));
            }
        }
        Ok(made)
    }

    /// How many records of the sweep's scope are open in the store.
    pub(crate) fn open_records(&mut self, sweep: SweepId) -> Result<u64, Error> {
        let (sql, scope, doing) = self.in_scope(sweep, &template::OPEN_RECORDS, "count the open records")?;
        self.shadow.connection().query_row(&sql, [scope], |row| row.get(0)).map_err(Error::sql(doing))
    }

    /// The projects from which earlier runs have read records.
    pub(crate) fn swept_projects(&self) -> Result<Vec<SweptProject>, Error> {
        let doing = || Error::sql("read the projects of earlier runs");
        let mut statement = self.shadow.connection().prepare(template::SWEPT_PROJECTS.text).map_err(doing())?;
        let read =
            |row: &duckdb::Row<'_>| Ok(SweptProject { table: row.get(0)?, region: row.get(1)?, project: row.get(2)? });
        let rows = statement.query_map([], read).map_err(doing())?;
        rows.collect::<Result<_, _>>().map_err(doing())
    }

    /// Those of the columns that have a value in open records of the sweep's scope, and in how many.
    pub(crate) fn members_held(&self, sweep: SweepId, columns: &[String]) -> Result<Vec<(String, u64)>, Error> {
        let Sweep { table, scope } = self.place(sweep)?;
        let layout = &self.tables[*table].layout;
        let mut held = Vec::new();
        for column in columns {
            let mut values = layout.values();
            values.insert("column", template::ident(column));
            let records: u64 = self
                .shadow
                .connection()
                .query_row(&template::MEMBER_HELD.fill(&values)?, [scope.to_string()], |row| row.get(0))
                .map_err(Error::sql(format!("count the records of table {} that have {column}", layout.table)))?;
            held.push((column.clone(), records));
        }
        held.retain(|(_, records)| *records > 0);
        Ok(held)
    }

    /// Stores the run: merges the sweeps that are complete or unproved and writes the ledger, in one transaction,
    /// then replaces the store with the copy. Returns the counts of each sweep, in the order of `sweeps`.
    pub fn commit(
        mut self,
        run: &RunRecord,
        sweeps: &[SweepRecord],
        requests: &[RequestRecord],
        quarantine: &[QuarantineRecord],
        drift: &[DriftRecord],
    ) -> Result<Vec<SweepCounts>, Error> {
        self.require_known(sweeps, requests, quarantine)?;
        self.require_taken(sweeps)?;
        for table in &mut self.tables {
            table.buffer.flush(self.shadow.connection(), &table.layout)?;
        }
        let connection = self.shadow.connection();
        let staged = self.tables.iter().map(|table| table.buffer.row_file().widest(VECTOR_ROWS)).max().unwrap_or(0);
        let wide_bytes = self.wide_bytes.max(staged).max(records::widest(quarantine, VECTOR_ROWS));
        memory::set_limit(connection, memory::limit_mb(self.memory_limit_mb, wide_bytes))?;
        let transaction = connection.unchecked_transaction().map_err(Error::sql("begin the run's transaction"))?;
        let place_of = |id: SweepId| {
            let sweep = &self.sweeps[id.0 as usize];
            (self.tables[sweep.table].layout.table.as_str(), sweep.scope.to_string())
        };
        let ledger = Ledger { connection, run: self.run };
        // Before the merge, which resolves the records that it finds good copies of.
        ledger.fold_quarantine(quarantine, &place_of)?;
        let merged = self.merge(connection, sweeps)?;
        let counts: Vec<SweepCounts> = sweeps
            .iter()
            .map(|record| merged.iter().find(|c| c.sweep == record.sweep).copied().unwrap_or_default())
            .zip(sweeps)
            .map(|(counts, record)| SweepCounts { sweep: record.sweep, ..counts })
            .collect();
        let rows: Vec<SweepRow> =
            sweeps.iter().zip(&counts).map(|(record, counts)| self.row(record, *counts)).collect();
        ledger.add_sweeps(&rows)?;
        ledger.resolve_keyless()?;
        ledger.add_requests(requests, &place_of, self.request_log_days)?;
        ledger.fold_drift(drift)?;
        let any_held_back = counts.iter().any(|c| c.is_held_back);
        ledger.add_run(run, if any_held_back { Outcome::Partial } else { run.outcome })?;
        transaction.commit().map_err(Error::sql("commit the run"))?;
        drop(rows);
        let run_id = self.run.run_id;
        self.shadow.replace(|written| require_stored(written, run_id))?;
        Ok(counts)
    }

    fn merge(&self, connection: &Connection, sweeps: &[SweepRecord]) -> Result<Vec<SweepCounts>, Error> {
        let mut counts = Vec::with_capacity(sweeps.len());
        for (position, table) in self.tables.iter().enumerate() {
            let merged = self.sweeps_to_merge(position, sweeps)?;
            if !merged.is_empty() {
                let row_file = table.buffer.row_file();
                counts.extend(merge::merge_table(
                    connection,
                    &table.layout,
                    row_file,
                    &merged,
                    self.run,
                    self.deletion_guard,
                )?);
            }
        }
        Ok(counts)
    }

    /// The sweeps of one table that are merged. Only a complete one may declare a record gone.
    fn sweeps_to_merge(&self, table: usize, sweeps: &[SweepRecord]) -> Result<Vec<SweepToMerge<'_>>, Error> {
        let mut merged: Vec<SweepToMerge> = Vec::new();
        for record in sweeps.iter().filter(|record| record.verdict != Verdict::Failed) {
            let sweep = self.place(record.sweep)?;
            if sweep.table != table {
                continue;
            }
            if merged.iter().any(|other| *other.scope == sweep.scope) {
                let table = self.tables[table].layout.table.clone();
                return Err(Error::ScopeTwice { table, scope: sweep.scope.to_string() });
            }
            let is_complete = record.verdict == Verdict::Complete;
            let not_shown = if is_complete { record.not_shown } else { NotShown::StayOpen };
            merged.push(SweepToMerge { sweep: record.sweep, scope: &sweep.scope, not_shown });
        }
        Ok(merged)
    }

    fn row<'a>(&'a self, record: &'a SweepRecord, counts: SweepCounts) -> SweepRow<'a> {
        let sweep = &self.sweeps[record.sweep.0 as usize];
        SweepRow { table: &self.tables[sweep.table].layout.table, scope: &sweep.scope, record, counts }
    }

    /// Nothing is merged into a table that does not fit the catalog's entry.
    fn require_taken(&mut self, sweeps: &[SweepRecord]) -> Result<(), Error> {
        let table_of =
            |sweep: &SweepRecord| self.tables[self.sweeps[sweep.sweep.0 as usize].table].layout.table.as_str();
        let merged = sweeps.iter().filter(|sweep| sweep.verdict != Verdict::Failed).map(table_of);
        let merged: Vec<&str> = merged.collect();
        let refused = self.refused.iter().position(|(table, _)| merged.contains(&table.as_str()));
        refused.map_or(Ok(()), |place| Err(self.refused.swap_remove(place).1))
    }

    fn require_known(
        &self,
        sweeps: &[SweepRecord],
        requests: &[RequestRecord],
        quarantine: &[QuarantineRecord],
    ) -> Result<(), Error> {
        let named = sweeps.iter().map(|r| r.sweep).chain(requests.iter().filter_map(|r| r.sweep));
        named.chain(quarantine.iter().map(|r| r.sweep)).try_for_each(|id| self.place(id).map(|_| ()))
    }

    fn place(&self, sweep: SweepId) -> Result<&Sweep, Error> {
        let position = usize::try_from(sweep.0).ok();
        position.and_then(|at| self.sweeps.get(at)).ok_or(Error::UnknownSweep { sweep: sweep.0 })
    }

    /// A statement on the sweep's table after all its rows are staged, the scope to bind, and the text for an error.
    fn in_scope(
        &mut self,
        sweep: SweepId,
        template: &Template,
        doing: &str,
    ) -> Result<(String, String, String), Error> {
        let Sweep { table, scope } = self.place(sweep)?;
        let (table, scope) = (*table, scope.to_string());
        let Table { layout, buffer } = &mut self.tables[table];
        buffer.flush(self.shadow.connection(), layout)?;
        let mut values = layout.values();
        values.insert("sweep", sweep.0.to_string());
        Ok((template.fill(&values)?, scope, format!("{doing} of table {}", layout.table)))
    }
}

/// When the newest run started; `None` if there is none.
pub(crate) fn newest_run_at(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    newest_run(connection).map(|(_, at)| at.map(Timestamp))
}

fn newest_run(connection: &Connection) -> Result<(Option<i64>, Option<i64>), Error> {
    connection
        .query_row(template::NEWEST_RUN.text, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(Error::sql("read the newest run"))
}

/// The next run's number and instant, both greater than those of every run before.
///
/// Errors: the newest run is dated further in the future than clocks may differ.
fn next_run(connection: &Connection, started: Timestamp) -> Result<RunStamp, Error> {
    let (run_id, at) = newest_run(connection)?;
    if let (Some(run_id), Some(at)) = (run_id, at.map(Timestamp).filter(|at| at.is_far_after(started))) {
        return Err(Error::RunInFuture { run_id, at, now: started });
    }
    let earliest = at.map_or(i64::MIN, |newest| newest.saturating_add(1));
    Ok(RunStamp { run_id: run_id.unwrap_or(0) + 1, valid_from: Timestamp(started.0.max(earliest)) })
}

/// DuckDB reports success for a commit after a failed statement; only the file itself shows the truth.
fn require_stored(written: &Connection, run_id: i64) -> Result<(), Error> {
    let stored: bool = written
        .query_row(template::RUN_STORED.text, [run_id], |row| row.get(0))
        .map_err(Error::sql("read the run back"))?;
    if stored { Ok(()) } else { Err(Error::CommitLost { run_id }) }
}
