//! Who publishes under which name: a small file for each exporter, which no other store can take over, and which says
//! how far the exporter has come. It knows nothing of tables.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::lake::Lake;
use crate::config::exporter_fault;
use crate::publish::file::PROGRAM;
use crate::publish::manifest::RunMark;

const FOLDER: &str = "_exporters";
const RECORD_ENDING: &str = ".json";
/// Ending of the files by which stores say that they want a name, where the first cannot be told otherwise.
const CLAIM_ENDING: &str = ".claim";
/// The folder of the exporters that are apart, each below its name.
pub(super) const HOMES: &str = "exporters";
/// Number of the layout that this program writes and reads.
const FORMAT: u32 = 1;

/// The contents of an exporter's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    pub exporter: String,
    store_id: String,
    program: String,
    /// The newest run of which anything may be in a table. It is written before the tables.
    pub begun: Option<RunMark>,
    /// The newest run that is in every table. It is written after them.
    pub published: Option<RunMark>,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// An exporter's name, taken by a store.
pub(super) struct Exporter<'a> {
    lake: &'a Lake,
    record: Record,
}

impl Exporter<'_> {
    /// Takes the name for a store. A name that another store has taken is refused.
    pub(super) fn take<'a>(lake: &'a Lake, name: &str, store_id: &str) -> Result<Exporter<'a>, Error> {
        require_name(name)?;
        let mut record = read(lake, name)?;
        if record.is_none() {
            if lake.has_one_writer() {
                claim(lake, name, store_id)?;
            }
            let fresh = Record {
                format: FORMAT,
                exporter: name.to_owned(),
                store_id: store_id.to_owned(),
                program: PROGRAM.to_owned(),
                begun: None,
                published: None,
            };
            record = match lake.create(&path(name), text(&fresh))? {
                true => Some(fresh),
                false => read(lake, name)?,
            };
        }
        let place = || lake.place(&path(name));
        let record = record.ok_or_else(|| Error::Claim { place: place(), fault: "it comes and goes".to_owned() })?;
        if record.store_id != store_id {
            return Err(Error::OtherStore {
                place: place(),
                exporter: name.to_owned(),
                held: record.store_id,
                own: store_id.to_owned(),
            });
        }
        Ok(Exporter { lake, record })
    }

    pub(super) fn name(&self) -> &str {
        &self.record.exporter
    }

    /// Says that a run is about to be published. A store that lacks the run of before is an older copy, and is refused.
    pub(super) fn begin(&mut self, newest: RunMark, holds: impl Fn(&RunMark) -> bool) -> Result<(), Error> {
        if let Some(begun) = self.record.begun.as_ref().filter(|begun| !holds(begun)) {
            return Err(Error::OlderStore {
                place: self.lake.place(&path(self.name())),
                exporter: self.name().to_owned(),
                run_id: begun.run_id,
                started_at: begun.started_at.clone(),
            });
        }
        self.write(Record { begun: Some(newest), ..self.record.clone() })
    }

    /// Says that every table is up to a run.
    pub(super) fn finish(&mut self, newest: RunMark) -> Result<(), Error> {
        self.write(Record { published: Some(newest), ..self.record.clone() })
    }

    fn write(&mut self, record: Record) -> Result<(), Error> {
        if record == self.record {
            return Ok(());
        }
        self.record = Record { program: PROGRAM.to_owned(), ..record };
        self.lake.replace(&path(self.name()), text(&self.record))
    }
}

/// Errors: what no exporter can be called.
pub(super) fn require_name(name: &str) -> Result<(), Error> {
    match exporter_fault(name) {
        Some(fault) => Err(Error::Name { name: name.to_owned(), fault }),
        None => Ok(()),
    }
}

/// Whether a store has taken the name.
pub(super) fn is_taken(lake: &Lake, name: &str) -> Result<bool, Error> {
    Ok(read(lake, name)?.is_some())
}

/// The error for a name whose file is gone.
pub(super) fn lost(lake: &Lake, name: &str) -> Error {
    Error::Lost { place: lake.place(&path(name)), exporter: name.to_owned() }
}

/// The folder of an exporter that is apart.
pub(super) fn home(exporter: &str) -> String {
    format!("{HOMES}/{exporter}")
}

/// Whether any exporter has published here.
pub(super) fn are_in(lake: &Lake) -> Result<bool, Error> {
    let (files, _) = lake.list(FOLDER)?;
    Ok(files.iter().filter_map(|file| file.location.filename()).any(|name| name.ends_with(RECORD_ENDING)))
}

/// The records of a store, each with the lake that its tables lie in.
pub(super) fn of_store(lake: &Lake, store_id: &str) -> Result<Vec<(Lake, Record)>, Error> {
    let mut lakes = vec![lake.clone()];
    let (_, apart) = lake.list(HOMES)?;
    lakes.extend(apart.iter().map(|exporter| lake.of_one_writer(&home(exporter))));
    let mut found = Vec::new();
    for lake in lakes {
        let (files, _) = lake.list(FOLDER)?;
        let names = files.iter().filter_map(|file| file.location.filename()?.strip_suffix(RECORD_ENDING));
        for name in names {
            if let Some(record) = read(&lake, name)?.filter(|record| record.store_id == store_id) {
                found.push((lake.clone(), record));
            }
        }
    }
    Ok(found)
}

/// Claims a name where the service does not say who came first. Each store writes its claim before it looks at those of
/// others, so that two at a time never both go on; who gives up takes the claim back.
fn claim(lake: &Lake, name: &str, store_id: &str) -> Result<(), Error> {
    let own = format!("{store_id}{CLAIM_ENDING}");
    lake.replace(&format!("{FOLDER}/{own}"), String::new())?;
    let (files, _) = lake.list(FOLDER)?;
    let mut others = files.iter().filter_map(|file| file.location.filename()?.strip_suffix(CLAIM_ENDING));
    match others.find(|other| *other != store_id) {
        None => Ok(()),
        Some(other) => {
            lake.remove(&format!("{FOLDER}/{own}"))?;
            Err(Error::OtherStore {
                place: lake.place(&path(name)),
                exporter: name.to_owned(),
                held: other.to_owned(),
                own: store_id.to_owned(),
            })
        }
    }
}

/// The newest run that an exporter has published as a whole.
pub(super) fn published_run_id(lake: &Lake, name: &str) -> Result<Option<i64>, Error> {
    Ok(read(lake, name)?.and_then(|record| record.published).map(|run| run.run_id))
}

fn path(name: &str) -> String {
    format!("{FOLDER}/{name}{RECORD_ENDING}")
}

fn text(record: &Record) -> String {
    serde_json::to_string_pretty(record).expect("a record is texts and numbers") + "\n"
}

fn read(lake: &Lake, name: &str) -> Result<Option<Record>, Error> {
    let Some(bytes) = lake.read(&path(name))? else { return Ok(None) };
    let place = || lake.place(&path(name));
    let unreadable = |error: serde_json::Error| Error::Claim { place: place(), fault: error.to_string() };
    let FormatOnly { format } = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if format > FORMAT {
        return Err(Error::Newer { place: place(), found: format.to_string(), known: FORMAT });
    }
    serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(run_id: i64) -> RunMark {
        RunMark { run_id, started_at: format!("2026-01-0{run_id}T00:00:00.000000Z") }
    }

    #[test]
    fn a_name_belongs_to_the_store_that_took_it_first() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::in_folder(folder.path()).unwrap();
        Exporter::take(&lake, "east", "one").unwrap();
        Exporter::take(&lake, "east", "one").unwrap();
        Exporter::take(&lake, "west", "two").unwrap();
        let error = Exporter::take(&lake, "east", "two").err().unwrap();
        assert!(matches!(&error, Error::OtherStore { held, .. } if held == "one"), "{error}");
        for name in ["", "a/b", "a b", "á", "..", &"x".repeat(65)] {
            assert!(matches!(Exporter::take(&lake, name, "one"), Err(Error::Name { .. })), "{name}");
        }
    }

    #[test]
    fn a_claim_of_another_store_is_respected_before_it_has_published() {
        let folder = tempfile::tempdir().unwrap();
        let lake = || Lake::in_folder(folder.path()).unwrap().of_one_writer("exporters/east");
        lake().replace("_exporters/one.claim", String::new()).unwrap();
        let error = Exporter::take(&lake(), "east", "two").err().unwrap();
        assert!(matches!(&error, Error::OtherStore { held, .. } if held == "one"), "{error}");
        assert!(!folder.path().join("exporters/east/_exporters/two.claim").exists());
        Exporter::take(&lake(), "east", "one").unwrap();
        assert!(matches!(Exporter::take(&lake(), "east", "two"), Err(Error::OtherStore { .. })));
    }

    #[test]
    fn a_store_without_the_run_that_was_begun_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::in_folder(folder.path()).unwrap();
        let mut exporter = Exporter::take(&lake, "east", "one").unwrap();
        exporter.begin(mark(2), |_| false).unwrap();
        assert_eq!(published_run_id(&lake, "east").unwrap(), None);
        let mut again = Exporter::take(&lake, "east", "one").unwrap();
        assert!(matches!(again.begin(mark(1), |run| *run == mark(1)), Err(Error::OlderStore { run_id: 2, .. })));
        again.begin(mark(3), |run| *run == mark(2)).unwrap();
        again.finish(mark(3)).unwrap();
        assert_eq!(published_run_id(&lake, "east").unwrap(), Some(3));
    }

    #[test]
    fn a_file_of_a_newer_hclake_or_of_nobody_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::in_folder(folder.path()).unwrap();
        lake.replace("_exporters/east.json", "{\"format\": 2}".to_owned()).unwrap();
        assert!(matches!(Exporter::take(&lake, "east", "one"), Err(Error::Newer { .. })));
        lake.replace("_exporters/east.json", "{\"format\": 1".to_owned()).unwrap();
        assert!(matches!(Exporter::take(&lake, "east", "one"), Err(Error::Claim { .. })));
    }
}
