//! One run's unit of work: rows are staged sweep by sweep, and one commit stores all of them or none.
//! It knows nothing of HTTP or of how rows are decoded.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use duckdb::Connection;

use super::error::Error;
use super::template::{self, Template};
use crate::base::clock::Timestamp;
use crate::catalog::reach::Reach;
use crate::catalog::spec::{Endpoint, Scope};
use crate::schema::own_columns;
use crate::store::file::memory::{self, VECTOR_ROWS};
use crate::store::file::shadow_copy::{ShadowCopy, StoreSettings};
use crate::store::ledger::complete::{self, LastComplete};
use crate::store::ledger::drift::{self, Acknowledged};
use crate::store::ledger::privacy::{self, PrivacyChange, Treatment};
use crate::store::ledger::quarantine::{self, Quarantined};
use crate::store::ledger::records::{
    self, CompletePart, DriftRecord, Ledger, QuarantineRecord, RequestRecord, RunRecord, SweepRecord, SweepRow,
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
    privacy_changes: Vec<PrivacyChange>,
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
    /// The values of the parent whose records it covers.
    parent: Option<Vec<String>>,
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
        Self::begin(path, endpoints, now, settings, None)
    }

    /// Opens the store for a run of before, which is stored again under its own number and instant.
    ///
    /// Errors: besides those of a new run, the store holds that run already, or a later one.
    pub(crate) fn open_again(
        path: &Path,
        endpoints: &[Endpoint],
        now: &dyn Fn() -> Timestamp,
        settings: &StoreSettings,
        run: RunStamp,
    ) -> Result<StagedRun, Error> {
        Self::begin(path, endpoints, now, settings, Some(run))
    }

    fn begin(
        path: &Path,
        endpoints: &[Endpoint],
        now: &dyn Fn() -> Timestamp,
        settings: &StoreSettings,
        again: Option<RunStamp>,
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
        let privacy_changes = privacy::changes(connection, endpoints, &layouts)?;
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
        let run = match again {
            Some(run) => require_later(connection, run)?,
            None => next_run(connection, now())?,
        };
        let row_file = |number| RowFile::new(shadow.spill().join(format!("rows-{number}")));
        let tables = layouts.into_iter().enumerate();
        let tables = tables.map(|(n, layout)| Table { layout, buffer: Buffer::new(row_file(n)) }).collect();
        let deletion_guard = (!settings.allow_gone).then_some(settings.deletion_guard);
        Ok(StagedRun {
            shadow,
            tables,
            refused,
            key_changes,
            privacy_changes,
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

    /// The run's number and instant.
    pub(crate) fn stamp(&self) -> RunStamp {
        self.run
    }

    /// Tables whose personal data is treated otherwise with this run, and that hold records of before.
    pub(crate) fn privacy_changes(&self) -> Vec<PrivacyChange> {
        self.privacy_changes.iter().filter(|change| change.is_seen).cloned().collect()
    }

    /// Records how personal data is treated from this run on, for those of the tables where that is new.
    pub(crate) fn remember_privacy(&self, tables: &BTreeMap<&str, Treatment>) -> Result<(), Error> {
        privacy::remember(self.shadow.connection(), self.run.run_id, tables)
    }

    pub(crate) fn run_id(&self) -> i64 {
        self.run.run_id
    }

    /// The instant at which this run's versions open and close.
    pub(crate) fn valid_from(&self) -> Timestamp {
        self.run.valid_from
    }

    /// Number and start of every run of the store, the oldest first.
    pub(crate) fn stored_runs(&self) -> Result<Vec<RunStamp>, Error> {
        stored_runs(self.shadow.connection())
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
        let Sweep { table, scope, .. } = self.place(sweep)?;
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
        let Sweep { table, scope, .. } = self.place(sweep)?;
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
        self.sweeps.push(Sweep { table, scope: scope.clone(), parent: None });
        Ok(SweepId(id))
    }

    /// Begins to stage the part of a sweep's list that belongs to one parent, by the parent's values.
    pub fn begin_part(&mut self, list: SweepId, parent: Vec<String>) -> Result<SweepId, Error> {
        let Sweep { table, scope, .. } = self.place(list)?;
        let part = Sweep { table: *table, scope: scope.clone(), parent: Some(parent) };
        let id = i32::try_from(self.sweeps.len()).expect("a run has far fewer sweeps than 2^31");
        self.sweeps.push(part);
        Ok(SweepId(id))
    }

    /// The parts of a sweep's list that were read completely before.
    pub fn last_complete(&self, list: SweepId) -> Result<Vec<LastComplete>, Error> {
        let Sweep { table, scope, .. } = self.place(list)?;
        complete::last(self.shadow.connection(), &self.tables[*table].layout.table, scope)
    }

    /// The open records of a table in a region and project, with the endpoint's stored columns: the parents of another
    /// list.
    pub(crate) fn open_parents(&self, table: &str, scope: &Scope) -> Result<Vec<RecordBatch>, Error> {
        let Some(of) = self.tables.iter().find(|of| of.layout.table == table) else { return Ok(Vec::new()) };
        complete::parents(self.shadow.connection(), &of.layout, scope)
    }

    /// Stages rows of a sweep: the endpoint's stored columns, then `_hash`. The first row has the number `first_seq`
    /// in the sweep; of rows with the same key and update time the highest number is kept.
    pub fn stage(&mut self, sweep: SweepId, batch: &RecordBatch, first_seq: u64) -> Result<(), Error> {
        let table = self.place(sweep)?.table;
        let Table { layout, buffer } = &mut self.tables[table];
        buffer.push(self.shadow.connection(), layout, sweep.0, batch, first_seq)
    }

    /// Drops the rows that a sweep has staged from a number on, so that it can read them again. From the first on, what
    /// it has protected is dropped too.
    pub fn discard(&mut self, sweep: SweepId, first_seq: u64) -> Result<(), Error> {
        let table = self.place(sweep)?.table;
        let Table { layout, buffer } = &mut self.tables[table];
        match first_seq {
            0 => buffer.discard(sweep.0),
            _ => buffer.flush(self.shadow.connection(), layout)?,
        }
        let mut values = layout.values();
        values.insert("sweep", sweep.0.to_string());
        values.insert("first_seq", first_seq.to_string());
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

    /// The open records within a reach that the sweep has neither staged nor protected: for each, the result of
    /// `of_key` for the parts of its key, as texts in the order of the endpoint's key.
    pub fn absent<T>(&mut self, sweep: SweepId, reach: Reach, of_key: impl Fn(&[&str]) -> T) -> Result<Vec<T>, Error> {
        let (sql, doing) =
            self.in_sweep(sweep, reach, &template::ABSENT, "find the open records that were not shown")?;
        let connection = self.shadow.connection();
        let mut statement = connection.prepare(&sql).map_err(Error::sql(doing.clone()))?;
        let mut made = Vec::new();
        for batch in statement.query_arrow([]).map_err(Error::sql(doing))? {
            let keys = batch.column(0).as_list::<i32>();
            for key in keys.iter().flatten() {
                let parts: Vec<&str> = key.as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
                made.push(of_key(&parts));
            }
        }
        Ok(made)
    }

    /// How many records of the sweep's scope, and of its parent where it has one, are open in the store.
    pub(crate) fn open_records(&mut self, sweep: SweepId) -> Result<u64, Error> {
        let (sql, doing) = self.in_sweep(sweep, Reach::ALL, &template::OPEN_RECORDS, "count the open records")?;
        self.shadow.connection().query_row(&sql, [], |row| row.get(0)).map_err(Error::sql(doing))
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
        let Sweep { table, scope, .. } = self.place(sweep)?;
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
        let mut counts: Vec<SweepCounts> = sweeps.iter().map(|record| counts_of(record, &merged)).collect();
        let rows: Vec<SweepRow> =
            sweeps.iter().zip(&counts).map(|(record, counts)| self.row(record, *counts)).collect();
        ledger.add_sweeps(&rows)?;
        ledger.fold_complete(&self.complete_parts(sweeps))?;
        self.close_orphans(connection, sweeps, &mut counts)?;
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
            let parts = record.parts.iter().filter(|part| part.verdict != Verdict::Failed);
            if record.parents.is_none() {
                let not_shown = not_shown(record.verdict, record.not_shown);
                let (sweep, scope) = (record.sweep, &sweep.scope);
                merged.push(SweepToMerge { sweep, scope, parent: None, reach: record.reach, not_shown });
            }
            for part in parts {
                let Sweep { scope, parent, .. } = self.place(part.sweep)?;
                merged.push(SweepToMerge {
                    sweep: part.sweep,
                    scope,
                    parent: parent.as_deref(),
                    reach: part.reach,
                    not_shown: not_shown(part.verdict, part.not_shown),
                });
            }
        }
        Ok(merged)
    }

    /// The parts of lists that are read in parts, or by a time window, and that were read completely.
    fn complete_parts<'a>(&'a self, sweeps: &'a [SweepRecord]) -> Vec<CompletePart<'a>> {
        let mut complete = Vec::new();
        for record in sweeps {
            let place = &self.sweeps[record.sweep.0 as usize];
            let (table, scope) = (self.tables[place.table].layout.table.as_str(), &place.scope);
            if record.verdict == Verdict::Complete && record.reached_to.is_some() {
                complete.push(CompletePart { table, scope, parent: &[], moved: None, reached_to: record.reached_to });
            }
            for part in record.parts.iter().filter(|part| part.verdict == Verdict::Complete) {
                let parent = self.sweeps[part.sweep.0 as usize].parent.as_deref().unwrap_or_default();
                let (moved, reached_to) = (part.moved.as_deref(), part.reached_to);
                complete.push(CompletePart { table, scope, parent, moved, reached_to });
            }
        }
        complete
    }

    /// Closes the records of the run's lists whose parents are gone, where the catalog says so, and counts them.
    fn close_orphans(
        &self,
        connection: &Connection,
        sweeps: &[SweepRecord],
        counts: &mut [SweepCounts],
    ) -> Result<(), Error> {
        let place = |record: &SweepRecord| &self.sweeps[record.sweep.0 as usize];
        for (position, table) in self.tables.iter().enumerate() {
            let parent = table.layout.orphaned_by();
            let Some(parent) = parent.and_then(|name| self.tables.iter().find(|of| of.layout.table == name)) else {
                continue;
            };
            if !sweeps.iter().any(|record| place(record).table == position) {
                continue;
            }
            for (scope, gone) in merge::close_orphans(connection, &table.layout, &parent.layout, self.run)? {
                let is_of =
                    |record: &SweepRecord| place(record).table == position && place(record).scope.to_string() == scope;
                let of_scope = sweeps.iter().zip(&mut *counts).filter(|(record, _)| is_of(record));
                of_scope.for_each(|(_, counts)| counts.gone = gone);
            }
        }
        Ok(())
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

    /// A statement on the open records within a reach of the sweep, after all its rows are staged, and the text for an
    /// error.
    fn in_sweep(
        &mut self,
        sweep: SweepId,
        reach: Reach,
        template: &Template,
        doing: &str,
    ) -> Result<(String, String), Error> {
        let Sweep { table, scope, parent } = self.place(sweep)?;
        let (table, scope, parent) = (*table, scope.to_string(), parent.clone());
        let Table { layout, buffer } = &mut self.tables[table];
        buffer.flush(self.shadow.connection(), layout)?;
        let mut values = layout.values();
        values.insert("sweep", sweep.0.to_string());
        values.insert("in_sweep", layout.in_sweep(&scope, parent.as_deref(), reach));
        Ok((template.fill(&values)?, format!("{doing} of table {}", layout.table)))
    }
}

/// Only a complete sweep may declare a record gone.
fn not_shown(verdict: Verdict, of_complete: NotShown) -> NotShown {
    if verdict == Verdict::Complete { of_complete } else { NotShown::StayOpen }
}

/// The counts of a list: its own, or those of its parts together.
fn counts_of(record: &SweepRecord, merged: &[SweepCounts]) -> SweepCounts {
    let found = |sweep: SweepId| merged.iter().find(|counts| counts.sweep == sweep);
    let mut counts = found(record.sweep).copied().unwrap_or_default();
    record.parts.iter().filter_map(|part| found(part.sweep)).for_each(|part| counts.add(part));
    SweepCounts { sweep: record.sweep, ..counts }
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

/// A run of before, if the store ends before it.
fn require_later(connection: &Connection, run: RunStamp) -> Result<RunStamp, Error> {
    match newest_run(connection)? {
        (Some(run_id), Some(at)) if run_id >= run.run_id || at >= run.valid_from.0 => {
            Err(Error::RunNotLater { run_id: run.run_id, newest: run_id, at: Timestamp(at) })
        }
        _ => Ok(run),
    }
}

/// Number and start of every run of the store, the oldest first.
pub(crate) fn stored_runs(connection: &Connection) -> Result<Vec<RunStamp>, Error> {
    let doing = || Error::sql("read the runs");
    let mut statement = connection.prepare(template::STORED_RUNS.text).map_err(doing())?;
    let read = |row: &duckdb::Row<'_>| Ok(RunStamp { run_id: row.get(0)?, valid_from: Timestamp(row.get(1)?) });
    let rows = statement.query_map([], read).map_err(doing())?;
    rows.collect::<Result<_, _>>().map_err(doing())
}

/// DuckDB reports success for a commit after a failed statement; only the file itself shows the truth.
fn require_stored(written: &Connection, run_id: i64) -> Result<(), Error> {
    let stored: bool = written
        .query_row(template::RUN_STORED.text, [run_id], |row| row.get(0))
        .map_err(Error::sql("read the run back"))?;
    if stored { Ok(()) } else { Err(Error::CommitLost { run_id }) }
}
