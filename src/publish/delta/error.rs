//! What can go wrong with shared Delta tables, each with what to do next. It knows nothing of exit codes.

use std::io;

use object_store::Error as ObjectError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the exporter's name {name:?} cannot be used: {fault}")]
    Name { name: String, fault: String },
    #[error("this store has no id yet")]
    NoStoreId,
    #[error("{place} belongs to another store: the exporter {exporter} has the store id {held}, this store's is {own}")]
    OtherStore { place: String, exporter: String, held: String, own: String },
    #[error(
        "{place}: the exporter {exporter} has come to run {run_id} of {started_at}, which this store does not hold"
    )]
    OlderStore { place: String, exporter: String, run_id: i64, started_at: String },
    #[error("{place} is not what an hclake writes there: {fault}")]
    Claim { place: String, fault: String },
    #[error("{place} is missing, and the tables hold runs of the exporter {exporter}")]
    Lost { place: String, exporter: String },
    #[error("{place} holds nothing of this store")]
    NotPublished { place: String },
    #[error("{place} holds no tables of hclake: it {what}")]
    NotALake { place: String, what: &'static str },
    #[error("{place} is a Delta table that hclake did not make")]
    NotOurs { place: String },
    #[error("{place} was made by a newer hclake: its format is {found}, this program knows {known}")]
    Newer { place: String, found: String, known: u32 },
    #[error("{place} has a newer protocol than hclake writes: {found}")]
    Protocol { place: String, found: String },
    #[error("the log of {place} names files of this exporter that are not there: {missing}, such as {sample}")]
    Missing { place: String, missing: usize, sample: String },
    #[error("column {column} of {place} is {held}, and {own} in this store")]
    ColumnType { place: String, column: String, held: String, own: String },
    #[error("column {column} of {table} has the name of a partition of shared tables")]
    PartitionName { table: String, column: String },
    #[error(
        "{place} was begun with tables that all exporters share, and no longer keeps two programs from writing one object"
    )]
    NotAtomic { place: String },
    #[error("{place} holds tables that exporters share, and others of single exporters")]
    Mixed { place: String },
    #[error("other programs committed to {place} first, {attempts} times in a row")]
    Contended { place: String, attempts: u32 },
    #[error("cannot {action} {place}: {}", plain(source))]
    Objects { action: &'static str, place: String, source: ObjectError },
    #[error("the log of {place} cannot be used: {source}")]
    Log { place: String, source: Box<delta_kernel::Error> },
    #[error("cannot start threads: {source}")]
    Runtime { source: io::Error },
}

/// What the library says, without its name for the kind of store.
fn plain(error: &ObjectError) -> String {
    match error {
        ObjectError::Generic { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

impl Error {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Name { .. } => {
                "name the exporter with --exporter or publish.exporter, such as cn-north-4 or prod_eu"
            }
            Error::NoStoreId => "`hclake sync` gives it one, and so does `hclake compact`",
            Error::OtherStore { .. } => {
                "each store publishes under a name of its own: choose another with --exporter or publish.exporter"
            }
            Error::OlderStore { .. } => {
                "if a backup of the store was put back, publish under another name: what is there stays as it is"
            }
            Error::NotPublished { .. } => {
                "`hclake publish delta --to TARGET` publishes it; a store that was put back from a backup needs a new name"
            }
            Error::Claim { .. } => "put the file back as it was; nothing was published",
            Error::Lost { .. } => {
                "nothing was published, since it says whose name that is: put the file back, or publish under another name"
            }
            Error::NotALake { .. } | Error::NotOurs { .. } => "it was left as it is; publish into a folder of its own",
            Error::Newer { .. } => "use the newer hclake, or publish into another folder",
            Error::Protocol { .. } => {
                "some other program has upgraded it; it was left as it is. Move it aside and publish again: everything \
                 that the store holds is written"
            }
            Error::Missing { .. } => {
                "put them back; where that cannot be, move the folder of the table aside, and each exporter's next \
                 publishing writes everything that its store holds"
            }
            Error::ColumnType { .. } => "use the same catalog in all stores that publish there, or another folder",
            Error::PartitionName { .. } => "give the column of the catalog another name, or leave the table out",
            Error::NotAtomic { .. } => {
                "nothing was published, since commits could be lost; `hclake publish check` shows what the service does. \
                 Publish elsewhere, or let the service create an object only once again"
            }
            Error::Mixed { .. } => {
                "two first publishings found the service to work in two ways: move the folder exporters, or _exporters \
                 with the tables, aside, and publish again: everything that the stores hold is written"
            }
            Error::Contended { .. } => "publish again: what was committed stands, and nothing is added twice",
            Error::Objects { .. } => {
                "what was published before still stands; publish again once it can be read and written"
            }
            Error::Log { .. } => {
                "if a file of the log is missing or was changed, put it back; where that cannot be, move the folder of the \
                 table aside, and each exporter's next publishing writes everything that its store holds"
            }
            Error::Runtime { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether a person must change something before it can work.
    pub(crate) fn is_usage(&self) -> bool {
        !matches!(self, Error::Contended { .. } | Error::Objects { .. } | Error::Log { .. } | Error::Runtime { .. })
    }

    pub(super) fn log(place: &str) -> impl Fn(delta_kernel::Error) -> Error + use<> {
        let place = place.to_owned();
        move |source| Error::Log { place: place.clone(), source: Box::new(source) }
    }
}
