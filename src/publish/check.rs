//! Whether a target can be published to, and how: it tries each kind of request, and draws the conclusions. It leaves
//! nothing behind.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::bucket::{Probe, Verdict, probe};
use super::target::Site;

/// What `publish parquet` needs.
const FOR_PARQUET: [Probe; 5] = [Probe::Put, Probe::Read, Probe::List, Probe::Parts, Probe::Copy];
/// What a Delta table needs, beside these.
const FOR_DELTA: [Probe; 2] = [Probe::ReadRange, Probe::ListAfter];
/// What several exporters in one Delta table need, beside these.
const FOR_SHARED_DELTA: [Probe; 1] = [Probe::CreateOnce];

/// Every probe with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub verdicts: Vec<(Probe, Verdict)>,
}

/// How Delta tables can be kept at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeltaMode {
    /// All exporters in one table.
    Shared,
    /// A table for each exporter.
    Apart,
    Impossible,
}

impl Checked {
    fn work(&self, probes: &[Probe]) -> bool {
        let works = |probe: &Probe| self.verdicts.iter().any(|(p, verdict)| p == probe && *verdict == Verdict::Works);
        probes.iter().all(works)
    }

    pub(crate) fn parquet_works(&self) -> bool {
        self.work(&FOR_PARQUET)
    }

    pub(crate) fn delta(&self) -> DeltaMode {
        match (self.parquet_works() && self.work(&FOR_DELTA), self.work(&FOR_SHARED_DELTA)) {
            (true, true) => DeltaMode::Shared,
            (true, false) => DeltaMode::Apart,
            (false, _) => DeltaMode::Impossible,
        }
    }
}

/// Tries every kind of request. `mark` ends the names that are tried; nobody else may use it.
pub(crate) fn check(site: &Site, mark: &str) -> Checked {
    let verdicts = match site {
        Site::Bucket(bucket) => probe(bucket, mark),
        Site::Folder(folder) => probe_folder(folder, mark),
    };
    Checked { verdicts }
}

/// A folder that is not there yet is made below the one above it, so that one is tried.
fn probe_folder(folder: &Path, mark: &str) -> Vec<(Probe, Verdict)> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let within = if folder.is_dir() { folder } else { above };
    let (first, second) =
        (within.join(format!(".hclake-probe-{mark}-a")), within.join(format!(".hclake-probe-{mark}-b")));
    let judged = |done: std::io::Result<bool>, otherwise| match done {
        Ok(true) => Verdict::Works,
        Ok(false) => Verdict::Wrong(otherwise),
        Err(error) => Verdict::Failed(error.to_string()),
    };
    let put =
        File::create_new(&first).and_then(|mut file| file.write_all(b"0123456789").and_then(|()| file.sync_all()));
    let put = judged(put.map(|()| true), "nothing was written");
    if put != Verdict::Works {
        return vec![(Probe::Put, put)];
    }
    let read = fs::read(&first).map(|bytes| bytes == b"0123456789");
    let listed = fs::read_dir(within).map(|mut entries| entries.any(|entry| entry.is_ok_and(|e| e.path() == first)));
    // A file appears as a whole by a second name for it.
    let once = match fs::hard_link(&first, &second).map(|()| fs::hard_link(&first, &second)) {
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::AlreadyExists => Verdict::Works,
        Ok(Err(error)) | Err(error) => Verdict::Failed(error.to_string()),
        Ok(Ok(())) => Verdict::Wrong("what was there is replaced"),
    };
    let _ = fs::remove_file(&second);
    let copied =
        fs::hard_link(&first, &second).or_else(|_| fs::copy(&first, &second).map(drop)).map(|()| second.is_file());
    let removed = fs::remove_file(&first).and_then(|()| fs::remove_file(&second)).map(|()| !first.exists());
    let read = judged(read, "other bytes came back");
    vec![
        (Probe::Put, put),
        (Probe::Read, read.clone()),
        (Probe::ReadRange, read.clone()),
        (Probe::List, judged(listed, "the file is not listed")),
        (Probe::ListAfter, read.clone()),
        (Probe::Parts, read),
        (Probe::Copy, judged(copied, "the copy is not there")),
        (Probe::CreateOnce, once),
        (Probe::Remove, judged(removed, "the file is still there")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(failing: &[Probe]) -> Checked {
        let all = FOR_PARQUET.iter().chain(&FOR_DELTA).chain(&FOR_SHARED_DELTA);
        let verdict = |probe: &Probe| match failing.contains(probe) {
            true => Verdict::Wrong("the condition is ignored"),
            false => Verdict::Works,
        };
        Checked { verdicts: all.map(|probe| (*probe, verdict(probe))).collect() }
    }

    #[test]
    fn exporters_share_a_table_only_where_an_object_is_created_once() {
        assert_eq!(with(&[]).delta(), DeltaMode::Shared);
        assert_eq!(with(&[Probe::CreateOnce]).delta(), DeltaMode::Apart);
        assert_eq!(with(&[Probe::ListAfter]).delta(), DeltaMode::Impossible);
        assert!(with(&[Probe::CreateOnce, Probe::ListAfter]).parquet_works());
        assert!(!with(&[Probe::Copy]).parquet_works());
        assert_eq!(with(&[Probe::Copy]).delta(), DeltaMode::Impossible);
    }

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        for target in [folder.path().to_owned(), folder.path().join("new")] {
            let checked = check(&Site::Folder(target), "t");
            assert_eq!(checked.delta(), DeltaMode::Shared, "{checked:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let nowhere = Site::Folder(folder.path().join("no/such"));
        assert!(!check(&nowhere, "t").parquet_works());
    }
}
