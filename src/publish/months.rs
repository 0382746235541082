//! Decides which files of a dataset are joined, and when the files that they replace may go. A month that is over has one
//! file for each table in place of one for each run. It reads and writes no file.
//!
//! Readers come in two kinds: those that read the files of a manifest, and those that read whole folders. So a joined file
//! first lies outside of the folders that are read whole, and the manifest lists it there; when nobody can have the
//! manifest of before any more, it takes the place of the files that it joins.

use std::collections::BTreeMap;

use super::manifest::{FileEntry, Manifest, Part, Replaced};
use crate::base::clock::Timestamp;
use crate::schema::{CLOSED_MONTH, RUN_MONTH};

/// How long a reader may go on with a manifest that was replaced.
const GRACE_US: i64 = 24 * 3_600 * 1_000_000;
/// Below it lie joined files that have not yet taken the place of the files that they join.
const ASIDE: &str = "joined/";

/// Files of one table in one month, in the order of their runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Month {
    pub table: String,
    pub part: Part,
    pub first_run_id: i64,
    pub last_run_id: i64,
    pub paths: Vec<String>,
    /// Where the joined file is to lie in the end.
    pub joined: String,
}

/// A joined file that may now take the place of the files that it joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Swap {
    pub aside: String,
    pub joined: String,
    pub outdated: Vec<String>,
}

/// Where a joined file lies at first.
pub(super) fn aside(joined: &str) -> String {
    format!("{ASIDE}{joined}")
}

/// The months of these tables that are over, and have several files. `newest` is the month of the newest run.
pub(super) fn over<T>(files: &BTreeMap<String, FileEntry>, tables: &BTreeMap<String, T>, newest: &str) -> Vec<Month> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (path, entry) in files.iter().filter(|(_, entry)| tables.contains_key(&entry.table)) {
        if let Some((folder, month)) = folder_and_month(path, entry.part)
            && month < newest
        {
            groups.entry((entry.part, entry.table.as_str(), folder)).or_default().push((path, entry));
        }
    }
    let several = groups.into_iter().filter(|(_, files)| files.len() > 1);
    several.map(|((part, table, folder), files)| month(part, table, folder, files)).collect()
}

fn month(part: Part, table: &str, folder: &str, mut files: Vec<(&String, &FileEntry)>) -> Month {
    files.sort_by_key(|(_, entry)| entry.run_id);
    let first_run_id = files.iter().map(|(_, entry)| entry.first_run_id()).min().unwrap_or_default();
    let last_run_id = files.iter().map(|(_, entry)| entry.run_id).max().unwrap_or_default();
    let stem = if part == Part::Changes { "run" } else { "part" };
    Month {
        table: table.to_owned(),
        part,
        first_run_id,
        last_run_id,
        paths: files.into_iter().map(|(path, _)| path.clone()).collect(),
        joined: format!("{folder}/{stem}-{first_run_id}-{last_run_id}.parquet"),
    }
}

/// `history/apps/closed_month=2026-05` and `2026-05`. A file that lies aside has none: its month is joined.
fn folder_and_month(path: &str, part: Part) -> Option<(&str, &str)> {
    let column = match part {
        Part::History => CLOSED_MONTH,
        Part::Changes => RUN_MONTH,
        _ => return None,
    };
    let (folder, _) = path.rsplit_once('/').filter(|_| !path.starts_with(ASIDE))?;
    let month = folder.rsplit_once('/')?.1.strip_prefix(column)?.strip_prefix('=')?;
    Some((folder, month))
}

/// The joined file that has what a run closed or changed.
pub(super) fn covering<'a>(
    manifest: &'a Manifest,
    table: &str,
    part: Part,
    run_id: i64,
) -> Option<(&'a String, &'a FileEntry)> {
    let of_run = |entry: &FileEntry| (entry.first_run_id()..=entry.run_id).contains(&run_id);
    manifest
        .files
        .iter()
        .find(|(_, entry)| entry.first_run_id.is_some() && entry.part == part && entry.table == table && of_run(entry))
}

/// Replaces the files of a month by the one that they were joined into.
pub(super) fn replace(manifest: &mut Manifest, month: &Month, entry: FileEntry, now: Timestamp) {
    for path in &month.paths {
        manifest.files.remove(path);
        manifest.replaced.insert(path.clone(), Replaced { at: now.to_string(), by: month.joined.clone() });
    }
    manifest.files.insert(aside(&month.joined), entry);
}

/// The joined files whose readers of before are done.
pub(super) fn due_swaps(manifest: &Manifest, now: Timestamp) -> Vec<Swap> {
    let mut swaps: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, replaced) in manifest.replaced.iter().filter(|(_, replaced)| is_due(replaced, now)) {
        if manifest.files.contains_key(&aside(&replaced.by)) {
            swaps.entry(&replaced.by).or_default().push(path.clone());
        }
    }
    let swap =
        |(joined, outdated): (&str, Vec<String>)| Swap { aside: aside(joined), joined: joined.to_owned(), outdated };
    swaps.into_iter().map(swap).collect()
}

/// Moves a joined file to its place in the manifest; its first place stays for the readers of this manifest.
pub(super) fn swap(manifest: &mut Manifest, swap: &Swap, now: Timestamp) {
    swap.outdated.iter().for_each(|path| drop(manifest.replaced.remove(path)));
    if let Some(entry) = manifest.files.remove(&swap.aside) {
        manifest.files.insert(swap.joined.clone(), entry);
        manifest.replaced.insert(swap.aside.clone(), Replaced { at: now.to_string(), by: swap.joined.clone() });
    }
}

/// First places of joined files that no reader can use any more.
pub(super) fn due_removals(manifest: &Manifest, now: Timestamp) -> Vec<String> {
    let is_first_place = |path: &&String| path.starts_with(ASIDE) && !manifest.files.contains_key(*path);
    let due = manifest.replaced.iter().filter(|(_, replaced)| is_due(replaced, now));
    due.map(|(path, _)| path).filter(is_first_place).cloned().collect()
}

/// Texts of instants in UTC with six digits sort as the instants do.
fn is_due(replaced: &Replaced, now: Timestamp) -> bool {
    replaced.at <= Timestamp(now.0.saturating_sub(GRACE_US)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ParquetCompression;
    use crate::publish::manifest::{ManifestOptions, RunMark};

    const DAY_US: i64 = GRACE_US;

    fn entry(table: &str, part: Part, run_id: i64) -> FileEntry {
        let (table, sha256, schema) = (table.to_owned(), String::new(), String::new());
        FileEntry { table, part, run_id, first_run_id: None, rows: 1, bytes: 1, sha256, etag: None, schema }
    }

    fn manifest() -> Manifest {
        let options = ManifestOptions { flat: false, views: false, compression: ParquetCompression::Zstd, since: None };
        let run = RunMark { run_id: 11, started_at: String::new() };
        let mut files = BTreeMap::new();
        for (month, runs) in [("2026-05", 8..=10), ("2026-06", 11..=11)] {
            for run in runs {
                let (history, changes) = (entry("apps", Part::History, run), entry("apps", Part::Changes, run));
                files.insert(format!("history/apps/closed_month={month}/part-{run}.parquet"), history);
                files.insert(format!("changes/apps/run_month={month}/run-{run}.parquet"), changes);
            }
        }
        files.insert("history/jobs/closed_month=2026-05/part-9.parquet".into(), entry("jobs", Part::History, 9));
        files.insert("current/apps.parquet".into(), entry("apps", Part::Current, 11));
        Manifest {
            format: 1,
            program: String::new(),
            run,
            schema_version: 1,
            store_id: None,
            options,
            files,
            schemas: BTreeMap::new(),
            replaced: BTreeMap::new(),
        }
    }

    fn tables(names: &[&str]) -> BTreeMap<String, ()> {
        names.iter().map(|name| (name.to_string(), ())).collect()
    }

    #[test]
    fn only_months_that_are_over_and_have_several_files_are_joined_in_the_order_of_runs() {
        let manifest = manifest();
        let both = tables(&["apps", "jobs"]);
        let months = over(&manifest.files, &both, "2026-06");
        let joined: Vec<_> = months.iter().map(|month| month.joined.as_str()).collect();
        assert_eq!(
            joined,
            ["history/apps/closed_month=2026-05/part-8-10.parquet", "changes/apps/run_month=2026-05/run-8-10.parquet"]
        );
        let runs: Vec<_> = months[0].paths.iter().map(|path| path.rsplit_once('-').unwrap().1).collect();
        assert_eq!(runs, ["8.parquet", "9.parquet", "10.parquet"]);
        assert_eq!(over(&manifest.files, &both, "2026-05"), []);
        assert_eq!(over(&manifest.files, &tables(&["jobs"]), "2026-06"), []);
    }

    #[test]
    fn a_joined_file_takes_its_place_after_a_day_and_leaves_the_first_one_after_another() {
        let mut manifest = manifest();
        let now = Timestamp(1_780_000_000_000_000);
        let month = over(&manifest.files, &tables(&["apps"]), "2026-06").remove(0);
        let joined = FileEntry { first_run_id: Some(8), ..entry("apps", Part::History, 10) };
        replace(&mut manifest, &month, joined, now);
        assert!(month.paths.iter().all(|path| !manifest.files.contains_key(path)));
        assert!(over(&manifest.files, &tables(&["apps"]), "2026-06").iter().all(|month| month.part == Part::Changes));
        for (run, covered) in [(7, false), (8, true), (10, true), (11, false)] {
            assert_eq!(covering(&manifest, "apps", Part::History, run).is_some(), covered, "{run}");
        }
        assert!(covering(&manifest, "apps", Part::Changes, 9).is_none());

        assert_eq!(due_swaps(&manifest, Timestamp(now.0 + DAY_US - 1)), []);
        let later = Timestamp(now.0 + DAY_US);
        let due = due_swaps(&manifest, later);
        assert_eq!((due.len(), due[0].outdated.len()), (1, 3));
        assert_eq!(due_removals(&manifest, later), [""; 0]);
        swap(&mut manifest, &due[0], later);
        assert!(manifest.files.contains_key(&month.joined) && !manifest.files.contains_key(&aside(&month.joined)));
        assert_eq!(due_swaps(&manifest, Timestamp(later.0 + DAY_US)), []);
        assert_eq!(due_removals(&manifest, Timestamp(later.0 + DAY_US - 1)), [""; 0]);
        assert_eq!(due_removals(&manifest, Timestamp(later.0 + DAY_US)), [aside(&month.joined)]);
    }
}
