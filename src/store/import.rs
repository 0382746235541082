//! Fills a new store from Parquet files that hold the rows of another one. The new store appears whole or not at all. It
//! knows nothing of datasets or manifests: the caller says which files there are, and has checked them.

use std::path::{Path, PathBuf};

use duckdb::Connection;

use super::error::Error;
use super::file::memory;
use super::file::migrate::MIGRATIONS;
use super::file::shadow_copy::{ShadowCopy, StoreSettings};
use super::read::checks::run_checks;
use super::table::reconcile::{self, held_columns};
use super::template::{self, Values, ident, instant, literal};
use super::views;
use crate::base::clock::Timestamp;
use crate::catalog::spec::Endpoint;
use crate::schema::{RUNS, SWEEPS, as_of_macro, history_table, own_columns, versions_view};

/// What a new store is to hold.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Number of the newest migration of the store that the rows were in.
    pub schema_version: u32,
    /// The id of that store; the new one gets its own if `None`.
    pub store_id: Option<String>,
    pub lists: Vec<IncomingList>,
    /// Tables of the ledger.
    pub ledger: Vec<IncomingFile>,
    /// The instant from which on there are closed versions, RFC 3339; from the first run on if `None`.
    pub since: Option<String>,
    /// Bytes of the largest vector of large values in the files.
    pub wide_bytes: u64,
}

#[derive(Debug)]
pub(crate) struct IncomingList {
    pub table: String,
    /// The run whose records the files hold.
    pub last_run_id: i64,
    /// Its columns besides hclake's own.
    pub columns: Vec<IncomingColumn>,
    pub files: Vec<IncomingFile>,
}

#[derive(Debug)]
pub(crate) struct IncomingColumn {
    pub name: String,
    pub about: String,
    /// A file that has it.
    pub file: PathBuf,
}

#[derive(Debug)]
pub(crate) struct IncomingFile {
    /// The table of the store that its rows belong to.
    pub table: String,
    pub path: PathBuf,
    /// The columns that are taken from it.
    pub columns: Vec<String>,
    pub rows: u64,
}

/// Errors: there is a file at the path already.
pub(crate) fn require_absent(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() { Err(Error::Exists { path: path.to_owned() }) } else { Ok(()) }
}

/// Makes the store at `path`. Returns the tables of which only the ledger knows: their sweeps are left out.
pub(crate) fn fill_new(
    path: &Path,
    incoming: &Incoming,
    endpoints: &[Endpoint],
    (now, settings): (Timestamp, &StoreSettings),
    on_file: &dyn Fn(&Path),
) -> Result<Vec<String>, Error> {
    require_absent(path)?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if incoming.schema_version > known {
        return Err(Error::NewerSchema { found: incoming.schema_version, known });
    }
    let shadow = ShadowCopy::open(path, now, settings)?;
    // Another program may have made one while this one waited for the lock.
    require_absent(path)?;
    let connection = shadow.connection();
    let is_incoming = |endpoint: &&Endpoint| incoming.lists.iter().any(|list| list.table == endpoint.name);
    let endpoints: Vec<Endpoint> = endpoints.iter().filter(is_incoming).cloned().collect();
    let columns = incoming.lists.iter().map(|list| list.columns.len() + own_columns().count()).sum::<usize>() as u64;
    let memory_mb = memory::for_columns_mb(settings.memory_limit_mb, columns);
    memory::set_limit(connection, memory::limit_mb(memory_mb, incoming.wide_bytes))?;
    make_tables(connection, &incoming.lists, &endpoints)?;
    for list in &incoming.lists {
        in_transaction(connection, || list.files.iter().try_for_each(|file| add_rows(connection, file, on_file)))?;
    }
    let absent = in_transaction(connection, || add_ledger(connection, incoming, now, on_file))?;
    views::create(connection)?;
    shadow.replace(|written| match run_checks(written, &endpoints)?.into_iter().next() {
        Some(violation) => Err(Error::Unsound { check: violation.check, sample: violation.sample }),
        None => Ok(()),
    })?;
    Ok(absent)
}

/// The tables of the lists, with the columns of the catalog and of the files.
fn make_tables(connection: &Connection, lists: &[IncomingList], endpoints: &[Endpoint]) -> Result<(), Error> {
    reconcile::run(connection, endpoints)?;
    for list in lists {
        match endpoints.iter().any(|endpoint| endpoint.name == list.table) {
            true => add_retired(connection, list)?,
            false => make_unlisted(connection, list)?,
        }
    }
    // Once more, for the views and macros over the columns that were added.
    let prepared = reconcile::run(connection, endpoints)?;
    prepared.into_iter().find_map(|prepared| prepared.refusal).map_or(Ok(()), Err)
}

/// Adds the columns of the files that the catalog no longer has.
fn add_retired(connection: &Connection, list: &IncomingList) -> Result<(), Error> {
    let doing = || Error::sql(format!("prepare table {}", list.table));
    let held = held_columns(connection, &ident(&list.table)).map_err(doing())?;
    let is_retired = |column: &&IncomingColumn| !held.iter().any(|(name, _)| name.eq_ignore_ascii_case(&column.name));
    for column in list.columns.iter().filter(is_retired) {
        for table in [list.table.clone(), history_table(&list.table)] {
            let mut values = Values::from([("table", ident(&table)), ("column", ident(&column.name))]);
            values.insert("column_type", type_in_file(connection, column)?);
            let sql = template::ADD_COLUMN.fill(&values)?;
            connection.execute_batch(&sql).map_err(doing())?;
        }
        comment(connection, list, column)?;
    }
    Ok(())
}

/// Makes the tables of a list that the catalog does not have. Without its key nobody can say what changed, so it gets no
/// macro for changes.
fn make_unlisted(connection: &Connection, list: &IncomingList) -> Result<(), Error> {
    let define =
        |column: &IncomingColumn| type_in_file(connection, column).map(|ty| format!("{} {ty}", ident(&column.name)));
    let definitions = list.columns.iter().map(define).collect::<Result<Vec<_>, _>>()?;
    let of_version: Vec<_> = list.columns.iter().map(|column| format!("v.{}", ident(&column.name))).collect();
    let values = Values::from([
        ("table", ident(&list.table)),
        ("history", ident(&history_table(&list.table))),
        ("versions", ident(&versions_view(&list.table))),
        ("as_of", ident(&as_of_macro(&list.table))),
        ("column_definitions", definitions.join(", ")),
        ("columns_of_version", of_version.join(", ")),
    ]);
    for template in [template::CREATE_TABLES, template::VERSIONS, template::AS_OF] {
        let sql = template.fill(&values)?;
        connection.execute_batch(&sql).map_err(Error::sql(format!("prepare table {}", list.table)))?;
    }
    list.columns.iter().try_for_each(|column| comment(connection, list, column))
}

fn comment(connection: &Connection, list: &IncomingList, column: &IncomingColumn) -> Result<(), Error> {
    if column.about.is_empty() {
        return Ok(());
    }
    for table in [list.table.clone(), history_table(&list.table)] {
        let names = [("table", ident(&table)), ("column", ident(&column.name)), ("comment", literal(&column.about))];
        let sql = template::COMMENT_COLUMN.fill(&Values::from(names))?;
        connection.execute_batch(&sql).map_err(Error::sql(format!("comment on table {table}")))?;
    }
    Ok(())
}

fn type_in_file(connection: &Connection, column: &IncomingColumn) -> Result<String, Error> {
    let values = Values::from([("file", literal(&column.file.to_string_lossy()))]);
    let sql = template::IMPORT_COLUMNS.fill(&values)?;
    let read = || {
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        rows.collect::<duckdb::Result<Vec<_>>>()
    };
    let columns = read().map_err(Error::sql(format!("read the columns of {}", column.file.display())))?;
    let found = columns.into_iter().find(|(name, _)| *name == column.name);
    found.map(|(_, ty)| ty).ok_or_else(|| Error::BatchShape {
        table: column.file.display().to_string(),
        fault: format!("it has no column {}", column.name),
    })
}

fn in_transaction<T>(connection: &Connection, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let transaction = connection.unchecked_transaction().map_err(Error::sql("begin a transaction"))?;
    let done = work()?;
    transaction.commit().map_err(Error::sql("commit the rows"))?;
    Ok(done)
}

fn add_rows(connection: &Connection, file: &IncomingFile, on_file: &dyn Fn(&Path)) -> Result<(), Error> {
    on_file(&file.path);
    let columns: Vec<_> = file.columns.iter().map(|name| ident(name)).collect();
    let values = Values::from([
        ("table", ident(&file.table)),
        ("columns", columns.join(", ")),
        ("file", literal(&file.path.to_string_lossy())),
    ]);
    let doing = format!("add the rows of {} to table {}", file.path.display(), file.table);
    let added = connection.execute(&template::IMPORT_ROWS.fill(&values)?, []).map_err(Error::sql(doing))?;
    match added as u64 == file.rows {
        true => Ok(()),
        false => Err(Error::BatchShape {
            table: file.table.clone(),
            fault: format!("{} gave {added} rows and not {}", file.path.display(), file.rows),
        }),
    }
}

/// Adds the runs and the sweeps, without the sweeps whose records are not there, and marks the runs that cannot be
/// answered. Returns the tables that have no records at all.
fn add_ledger(
    connection: &Connection,
    incoming: &Incoming,
    now: Timestamp,
    on_file: &dyn Fn(&Path),
) -> Result<Vec<String>, Error> {
    for file in incoming.ledger.iter().filter(|file| [RUNS, SWEEPS].contains(&file.table.as_str())) {
        add_rows(connection, file, on_file)?;
    }
    let mut absent = Vec::new();
    for table in swept_tables(connection).map_err(Error::sql("read the sweeps"))? {
        let list = incoming.lists.iter().find(|list| list.table == table);
        let last_run_id = list.map_or(0, |list| list.last_run_id);
        let values = Values::from([("table_text", literal(&table)), ("last_run_id", last_run_id.to_string())]);
        let sql = template::IMPORT_LATER_SWEEPS.fill(&values)?;
        connection.execute_batch(&sql).map_err(Error::sql("leave out sweeps without records"))?;
        absent.extend(list.is_none().then_some(table));
    }
    if let Some(id) = &incoming.store_id {
        let sql = template::IMPORT_STORE_ID.fill(&Values::from([("store_id", literal(id))]))?;
        connection.execute_batch(&sql).map_err(Error::sql("keep the id of the store"))?;
    }
    if let Some(since) = &incoming.since {
        let values = Values::from([("since", literal(since)), ("pruned_at", instant(now))]);
        let sql = template::IMPORT_UNANSWERED.fill(&values)?;
        connection.execute_batch(&sql).map_err(Error::sql("mark the runs without closed versions"))?;
    }
    Ok(absent)
}

fn swept_tables(connection: &Connection) -> duckdb::Result<Vec<String>> {
    let mut statement = connection.prepare(template::IMPORT_SWEPT_TABLES.text)?;
    statement.query_map([], |row| row.get(0))?.collect()
}
