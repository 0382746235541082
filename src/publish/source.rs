//! Reads what is published from the store: its runs, the columns of its tables, and their rows as a stream. It reads
//! one state of the store, opened read-only, and knows nothing of files.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::RecordBatch;
use duckdb::Connection;

use super::error::Error;
use super::manifest::RunMark;
use super::published_schema::{Origin, PublishedColumn, PublishedSchema};
use super::rows::Rows;
use super::sort_limits::{SORT_MEMORY_MB, SortLimits};
use super::statements::{
    CHANGES, COLUMNS, COMPARE_LIMITS, CURRENT, HISTORY, LEDGER, RUN_COUNTS, RUNS, SCHEMA_VERSION, SORT_FOLDER,
    SORT_LIMITS, VIEW,
};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::schema::{
    self, CHANGE_COLUMNS, CLOSING_COLUMNS, HASH, SCOPE_COLUMNS, VERSION_COLUMNS, history_table, is_own_column,
    published, published_type, versions_view,
};
use crate::store::{self, Reader, Values, ident, literal};

/// Memory that DuckDB may use for comparing, in MiB. Large records raise it as needed.
pub(super) const COMPARE_MEMORY_MB: u64 = 192;

/// Tables of the ledger that are published, and the columns by which they are sorted.
pub(super) const LEDGER_TABLES: [(&str, &[&str]); 2] =
    [(schema::RUNS, &["run_id"]), (schema::SWEEPS, &["run_id", "table_name", "scope"])];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub run_id: i64,
    pub started_at: Timestamp,
}

/// How many versions of one table a run opened and closed, and how many of the closed ones are of records gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunCounts {
    pub run_id: i64,
    pub opened: u64,
    pub closed: u64,
    pub gone: u64,
}

impl RunCounts {
    /// The rows that the run adds to the changes.
    pub(super) fn changes(&self) -> u64 {
        self.opened + self.gone
    }
}

/// The runs from first to last.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunRange {
    pub first_id: i64,
    pub last_id: i64,
}

impl RunRange {
    pub(super) fn one(run_id: i64) -> RunRange {
        RunRange { first_id: run_id, last_id: run_id }
    }

    /// What these runs have in all.
    pub(super) fn count(self, counts: &[RunCounts], of: impl Fn(&RunCounts) -> u64) -> u64 {
        counts.iter().filter(|run| (self.first_id..=self.last_id).contains(&run.run_id)).map(of).sum()
    }
}

/// Rows as they come.
pub(super) type Batches<'a> = dyn Iterator<Item = Result<RecordBatch, Error>> + 'a;

/// The store as it is when it is opened.
pub(super) struct Source {
    connection: Reader,
    /// Oldest first; never empty.
    pub runs: Vec<Run>,
    pub schema_version: u32,
    /// `None` if no run has given the store one since stores have them.
    pub store_id: Option<String>,
    /// Memory for sorting a million rows, in MiB.
    sort_memory_mb: u64,
}

impl Source {
    pub(super) fn open(store: &Path) -> Result<Source, Error> {
        let connection = store::open_read_only(store)?;
        let runs = read_runs(&connection).map_err(Error::sql("read the runs"))?;
        if runs.is_empty() {
            return Err(Error::NoRun);
        }
        let schema_version = connection
            .query_row(&SCHEMA_VERSION.fill(&Values::new())?, [], |row| row.get(0))
            .map_err(Error::sql("read the schema version"))?;
        let store_id = store::store_id(&connection)?;
        Ok(Source { connection, runs, schema_version, store_id, sort_memory_mb: SORT_MEMORY_MB })
    }

    /// Whether the store has a run, by its number and start.
    pub(super) fn holds(&self, mark: &RunMark) -> bool {
        self.runs.iter().any(|run| run.run_id == mark.run_id && run.started_at.to_string() == mark.started_at)
    }

    pub(super) fn newest(&self) -> Run {
        *self.runs.last().expect("a source has at least one run")
    }

    /// Sorts what does not fit into memory in a folder.
    pub(super) fn sort_in(&mut self, spill: &Path, catalog: &Catalog) -> Result<(), Error> {
        self.sort_memory_mb = self.memory_mb(catalog, SORT_MEMORY_MB)?;
        let values = Values::from([("spill", literal(&spill.to_string_lossy()))]);
        self.connection.execute_batch(&SORT_FOLDER.fill(&values)?).map_err(Error::sql("be configured"))
    }

    /// Sorts what does not fit into memory in the reader's own folder.
    pub(super) fn sort_where_it_reads(&mut self, catalog: &Catalog) -> Result<(), Error> {
        let own = self.connection.spill_folder().unwrap_or(Path::new("")).to_owned();
        self.sort_in(&own, catalog)
    }

    fn limit_sorting(&self, limits: SortLimits) -> Result<(), Error> {
        let values = Values::from([("memory", mebibytes(limits.memory_mb)), ("threads", limits.threads.to_string())]);
        self.connection.execute_batch(&SORT_LIMITS.fill(&values)?).map_err(Error::sql("be configured"))
    }

    /// Limits the memory for comparing.
    pub(super) fn limit_comparing(&self, catalog: &Catalog) -> Result<(), Error> {
        let values = Values::from([("memory", mebibytes(self.memory_mb(catalog, COMPARE_MEMORY_MB)?))]);
        self.connection.execute_batch(&COMPARE_LIMITS.fill(&values)?).map_err(Error::sql("be configured"))
    }

    fn memory_mb(&self, catalog: &Catalog, ordinary_mb: u64) -> Result<u64, Error> {
        let tables = catalog.endpoints().iter().map(|endpoint| endpoint.name.as_str());
        Ok(store::memory_limit_mb(&self.connection, tables, ordinary_mb)?)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A list's table; `None` if the store has none.
    pub(super) fn table(&self, endpoint: &Endpoint) -> Result<Option<Table>, Error> {
        let held = self.held(&endpoint.name)?;
        if held.is_empty() {
            return Ok(None);
        }
        let closing = self.held(&history_table(&endpoint.name))?;
        let closing =
            closing.into_iter().filter(|column| CLOSING_COLUMNS.iter().any(|own| own.name == column.name)).collect();
        Ok(Some(Table::new(endpoint, held, closing)))
    }

    /// The rows and schema of a ledger table up to a run.
    pub(super) fn ledger(
        &self,
        name: &str,
        order: &[&str],
        last_run_id: i64,
    ) -> Result<(Rows, PublishedSchema), Error> {
        let held = self.held(name)?;
        let values = Values::from([
            ("table", ident(name)),
            ("columns", selected(&held)),
            ("last_run_id", last_run_id.to_string()),
        ]);
        let order: Vec<_> = order.iter().map(|name| format!("v.{}", ident(name))).collect();
        Ok((Rows::new(&LEDGER.fill(&values)?, order.join(", ")), PublishedSchema::new(held)))
    }

    /// The rows and schema of a view; `None` if the store has none of this name. Its first columns tell its rows apart or
    /// nearly so.
    pub(super) fn view(&self, name: &str) -> Result<Option<(Rows, PublishedSchema)>, Error> {
        let held = self.held(name)?;
        if held.is_empty() {
            return Ok(None);
        }
        let values = Values::from([("view", ident(name)), ("columns", selected(&held))]);
        let rows = Rows::new(&VIEW.fill(&values)?, "1, 2, 3, 4".to_owned());
        Ok(Some((rows, PublishedSchema::new(held))))
    }

    pub(super) fn run_counts(&self, table: &Table) -> Result<Vec<RunCounts>, Error> {
        let sql = RUN_COUNTS.fill(&table.values())?;
        let read = || {
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map([], |row| {
                Ok(RunCounts { run_id: row.get(0)?, opened: row.get(1)?, closed: row.get(2)?, gone: row.get(3)? })
            })?;
            rows.collect::<duckdb::Result<_>>()
        };
        read().map_err(Error::sql(format!("count the versions of {}", table.name)))
    }

    /// Passes rows on as they come, sorted; `texts` are their columns of text outside the key. At most a few thousand rows
    /// are in memory at a time. Where sorting turns out to need more memory, `take` gets the rows once more, from the first.
    pub(super) fn stream<T>(
        &self,
        table: &str,
        (rows, texts): (&Rows, &[&str]),
        mut take: impl FnMut(&mut Batches<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        SortLimits::for_rows(rows.expected, self.sort_memory_mb).raised_until_enough(
            Error::is_out_of_memory,
            |limits| {
                self.limit_sorting(limits)?;
                let fault = |source| Error::Stream { table: table.to_owned(), source };
                let mut statement =
                    self.connection.prepare(&rows.sorted(&self.connection, table, texts)?).map_err(fault)?;
                let _ = statement.stream_arrow([]).map_err(fault)?;
                let mut next = || statement.step().map(|rows| rows.map(RecordBatch::from)).map_err(fault).transpose();
                take(&mut std::iter::from_fn(&mut next))
            },
        )
    }

    /// The columns of a stored table, in its order; none if there is no such table.
    fn held(&self, table: &str) -> Result<Vec<PublishedColumn>, Error> {
        let doing = || format!("read the columns of {table}");
        let facts = self.column_facts(table)?;
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement =
            self.connection.prepare(&format!("FROM {} LIMIT 0", ident(table))).map_err(Error::sql(doing()))?;
        let schema = statement.query_arrow([]).map_err(Error::sql(doing()))?.get_schema();
        let column = |field: &arrow::datatypes::FieldRef| {
            let ty = published(field.data_type()).ok_or_else(|| Error::Unreadable {
                table: table.to_owned(),
                column: field.name().clone(),
                ty: field.data_type().to_string(),
            })?;
            let (about, nullable) = facts.get(field.name()).cloned().unwrap_or((String::new(), true));
            Ok(PublishedColumn { name: field.name().clone(), about, ty, nullable, origin: Origin::Stored })
        };
        schema.fields().iter().map(column).collect()
    }

    /// Comment and nullability of each column of a table, by its name.
    fn column_facts(&self, table: &str) -> Result<HashMap<String, (String, bool)>, Error> {
        let sql = COLUMNS.fill(&Values::from([("table_text", literal(table))]))?;
        let read = || {
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map([], |row| {
                Ok((row.get(0)?, (row.get::<_, Option<String>>(1)?.unwrap_or_default(), row.get(2)?)))
            })?;
            rows.collect::<duckdb::Result<_>>()
        };
        read().map_err(Error::sql(format!("read the columns of {table}")))
    }
}

/// One list's table as it is published.
pub(super) struct Table {
    pub name: String,
    /// Columns of live records, which every version has.
    version: Vec<PublishedColumn>,
    closing: Vec<PublishedColumn>,
    key: Vec<String>,
    /// Columns of the key, and the hash.
    pub distinct: Vec<String>,
}

impl Table {
    fn new(endpoint: &Endpoint, held: Vec<PublishedColumn>, closing: Vec<PublishedColumn>) -> Table {
        let required: Vec<&str> = endpoint
            .key
            .iter()
            .filter(|part| part.fallback.is_none() && endpoint.column(&part.column).is_some_and(|c| !c.nullable))
            .map(|part| part.column.as_str())
            .collect();
        let find = |name: &str| held.iter().find(|column| column.name.eq_ignore_ascii_case(name)).cloned();
        let stored = endpoint.stored_columns();
        let known = stored.iter().map(|stored| match find(&stored.name) {
            Some(column) => {
                let nullable = !required.contains(&stored.name.as_str());
                PublishedColumn { about: stored.about.clone(), nullable, ..column }
            }
            None => PublishedColumn {
                name: stored.name.clone(),
                about: stored.about.clone(),
                ty: published_type(&stored.ty),
                nullable: true,
                origin: Origin::Absent,
            },
        });
        let is_known = |name: &str| stored.iter().any(|stored| stored.name.eq_ignore_ascii_case(name));
        let retired = held.iter().filter(|column| !is_own_column(&column.name) && !is_known(&column.name)).cloned();
        let version = SCOPE_COLUMNS
            .iter()
            .filter_map(|own| find(own.name))
            .chain(known)
            .chain(retired)
            .chain(VERSION_COLUMNS.iter().filter_map(|own| find(own.name)))
            .collect();
        let parts = endpoint.key.iter().map(|part| [Some(&part.column), part.fallback.as_ref()]);
        let key_columns = parts.clone().flatten().flatten().cloned();
        let key = parts.map(|part| {
            let names: Vec<_> = part.into_iter().flatten().map(|name| format!("v.{}", ident(name))).collect();
            format!("coalesce({})", names.join(", "))
        });
        Table {
            name: endpoint.name.clone(),
            version,
            closing,
            key: key.collect(),
            distinct: key_columns.chain([HASH.name.to_owned()]).collect(),
        }
    }

    pub(super) fn current_schema(&self) -> PublishedSchema {
        PublishedSchema::new(self.version.clone())
    }

    pub(super) fn history_schema(&self) -> PublishedSchema {
        PublishedSchema::new(self.version.iter().chain(&self.closing).cloned().collect())
    }

    pub(super) fn changes_schema(&self) -> PublishedSchema {
        let first = CHANGE_COLUMNS.iter().map(|own| PublishedColumn {
            name: own.name.to_owned(),
            about: own.about.to_owned(),
            ty: own.ty.arrow(),
            nullable: false,
            origin: Origin::Stored,
        });
        PublishedSchema::new(first.chain(self.version.iter().cloned()).collect())
    }

    /// The live records, by scope and key.
    pub(super) fn current(&self, counts: &[RunCounts]) -> Result<Rows, Error> {
        let count = |of: fn(&RunCounts) -> u64| counts.iter().map(of).sum::<u64>();
        let expected = count(|run| run.opened).saturating_sub(count(|run| run.closed));
        Ok(self.rows(&CURRENT.fill(&self.values())?, &[]).expecting(expected))
    }

    /// The versions that these runs closed, run by run, and by scope and key.
    pub(super) fn history(&self, runs: RunRange) -> Result<Rows, Error> {
        Ok(self.rows(&HISTORY.fill(&self.values_of_runs(runs))?, &["v._closed_run_id"]))
    }

    /// The changes made by these runs, run by run, and by scope and key.
    pub(super) fn changes(&self, runs: RunRange) -> Result<Rows, Error> {
        Ok(self.rows(&CHANGES.fill(&self.values_of_runs(runs))?, &["v._change_run_id"]))
    }

    fn rows(&self, sql: &str, first: &[&str]) -> Rows {
        let order = [first, &["v._scope"], &self.key.iter().map(String::as_str).collect::<Vec<_>>()].concat();
        Rows::new(sql, order.join(", "))
    }

    fn values_of_runs(&self, runs: RunRange) -> Values {
        let mut values = self.values();
        values.insert("first_run_id", runs.first_id.to_string());
        values.insert("last_run_id", runs.last_id.to_string());
        values
    }

    pub(super) fn values(&self) -> Values {
        Values::from([
            ("table", ident(&self.name)),
            ("history", ident(&history_table(&self.name))),
            ("versions", ident(&versions_view(&self.name))),
            ("columns", selected(&self.version)),
            ("keys_of_version", as_texts(&self.key)),
        ])
    }
}

/// The parts of a key as texts, so that parts of different types can stand in one DuckDB list.
fn as_texts(parts: &[String]) -> String {
    parts.iter().map(|part| format!("CAST({part} AS VARCHAR)")).collect::<Vec<_>>().join(", ")
}

/// The columns that the store has, each selected from `v`.
pub(super) fn selected(columns: &[PublishedColumn]) -> String {
    let held = columns.iter().filter(|column| column.origin == Origin::Stored);
    held.map(|column| format!("v.{}", ident(&column.name))).collect::<Vec<_>>().join(", ")
}

/// The columns as values that can be compared between a file and the store: JSON as its text.
pub(super) fn comparable(columns: &[&PublishedColumn]) -> String {
    let written = |column: &&PublishedColumn| match column.ty.is_string() {
        true => format!("CAST(v.{0} AS VARCHAR) AS {0}", ident(&column.name)),
        false => format!("v.{}", ident(&column.name)),
    };
    columns.iter().map(written).collect::<Vec<_>>().join(", ")
}

/// The names of the columns.
pub(super) fn names(columns: &[&PublishedColumn]) -> String {
    columns.iter().map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ")
}

fn read_runs(connection: &Connection) -> duckdb::Result<Vec<Run>> {
    let mut statement = connection.prepare(RUNS.text)?;
    let rows = statement.query_map([], |row| Ok(Run { run_id: row.get(0)?, started_at: Timestamp(row.get(1)?) }))?;
    rows.collect()
}

fn mebibytes(mb: u64) -> String {
    literal(&format!("{mb}MiB"))
}
