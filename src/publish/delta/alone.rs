//! Exporters apart from each other, where a service cannot keep two programs from writing one object: each has tables of
//! its own, and statements that unite them lie beside. What a lake is like shows in its folders, and stays. It knows
//! nothing of tables' columns.

use std::collections::BTreeMap;

use delta_kernel::committer::{CommitMetadata, CommitResponse, Committer, FileSystemCommitter, PublishMetadata};
use delta_kernel::{DeltaResult, DeltaResultIterator, Engine, Error as KernelError, FilteredEngineData};

use super::error::Error;
use super::exporter::{self, HOMES, home};
use super::lake::Lake;
use crate::publish;

/// Statements for DuckDB that make a view of each table, over all exporters.
const VIEWS: &str = "_views.sql";
/// How often the views are written again because another exporter has come.
const VIEWS_ATTEMPTS_MAX: usize = 10;

/// Whether exporters have tables of their own in a lake. The first publishing into it decides, by a try; afterwards its
/// folders say so. Errors: the lake was begun shared, and cannot go on so.
pub(super) fn is_apart(lake: &Lake) -> Result<bool, publish::Error> {
    let place = || lake.place("");
    match (exporter::are_in(lake)?, !lake.list(HOMES)?.1.is_empty()) {
        (true, true) => Err(Error::Mixed { place: place() }.into()),
        (true, false) if !lake.creates_once()? => Err(Error::NotAtomic { place: place() }.into()),
        (true, false) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => Ok(!(lake.creates_once()? && lake.creates_once_for_many()?)),
    }
}

/// Brings the statements that unite the exporters up to those that are there.
pub(super) fn unite(lake: &Lake) -> Result<(), Error> {
    for _ in 0..VIEWS_ATTEMPTS_MAX {
        let text = views(lake)?;
        if lake.read(VIEWS)?.is_some_and(|held| held == text.as_bytes()) {
            return Ok(());
        }
        // Looked at again: of two who write at a time, the later one then sees the tables of both.
        lake.replace(VIEWS, text)?;
    }
    Ok(())
}

fn views(lake: &Lake) -> Result<String, Error> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for exporter in lake.list(HOMES)?.1 {
        for table in lake.list(&home(&exporter))?.1.into_iter().filter(|table| !table.starts_with('_')) {
            let place = lake.address(&format!("{}/{table}", home(&exporter)));
            places.entry(table).or_default().push(place);
        }
    }
    let mut text = "-- For DuckDB: the tables of all exporters as one. hclake keeps this file up to date.\n".to_owned();
    text.push_str("INSTALL delta;\nLOAD delta;\n");
    for (table, places) in places {
        let parts = places.iter().map(|place| format!("FROM delta_scan('{}')", place.replace('\'', "''")));
        let parts: Vec<String> = parts.collect();
        let name = table.replace('"', "\"\"");
        text.push_str(&format!("CREATE OR REPLACE VIEW \"{name}\" AS\n{};\n", parts.join("\nUNION ALL BY NAME\n")));
    }
    Ok(text)
}

/// Commits to a log that one program alone writes, without asking the service to refuse what is there already.
#[derive(Debug)]
pub(super) struct OnlyCommitter;

impl Committer for OnlyCommitter {
    fn commit(
        &self,
        engine: &dyn Engine,
        actions: DeltaResultIterator<'_, FilteredEngineData>,
        commit: CommitMetadata,
    ) -> DeltaResult<CommitResponse> {
        let (version, path) = (commit.version(), commit.published_commit_path()?);
        match engine.storage_handler().head(&path) {
            Ok(_) => return Ok(CommitResponse::Conflict { version }),
            Err(KernelError::FileNotFound(_)) => {}
            Err(error) => return Err(error),
        }
        engine.json_handler().write_json_file(&path, Box::new(actions), true)?;
        let file_meta = engine.storage_handler().head(&path)?;
        Ok(CommitResponse::Committed { file_meta })
    }

    fn is_catalog_committer(&self) -> bool {
        false
    }

    fn publish(&self, engine: &dyn Engine, publish: PublishMetadata) -> DeltaResult<()> {
        FileSystemCommitter::new().publish(engine, publish)
    }
}
