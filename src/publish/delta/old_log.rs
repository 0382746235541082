//! Which files of a table's log nobody needs any more: what stands before a checkpoint that is old itself. A reader that
//! goes back in time finds every version since. It reads and removes nothing.

use std::time::Duration;

use crate::base::clock::Timestamp;

/// How long a table can be read as it was. It is what Delta takes where a table says nothing else.
pub(super) const LOG_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Digits of a version in a name.
const VERSION_DIGITS: usize = 20;

/// A file of a log: its name, and when it was written.
pub(super) type LogFile = (String, Timestamp);

/// The names of the files to remove, oldest first, so that what is left is whole wherever the removing ends.
pub(super) fn outdated(files: &[LogFile], now: Timestamp) -> Vec<String> {
    let is_old = |at: Timestamp| now.minus(at) > LOG_KEPT.as_micros() as i64;
    let checkpoints = files
        .iter()
        .filter(|(name, at)| is_old(*at) && name.contains(".checkpoint"))
        .filter_map(|(name, _)| version(name));
    let Some(kept_from) = checkpoints.max() else { return Vec::new() };
    let mut found: Vec<String> = files
        .iter()
        .filter(|(name, at)| is_old(*at) && version(name).is_some_and(|version| version < kept_from))
        .map(|(name, _)| name.clone())
        .collect();
    found.sort();
    found
}

/// The version that a commit, a checkpoint or a sum belongs to; `None` for any other name.
fn version(name: &str) -> Option<u64> {
    let (digits, ending) = name.split_once('.')?;
    let is_log =
        ending == "json" || ending == "crc" || (ending.starts_with("checkpoint.") && name.ends_with(".parquet"));
    (digits.len() == VERSION_DIGITS && is_log).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 24 * 3_600 * 1_000_000;
    const NOW: Timestamp = Timestamp(400 * DAY_US);

    /// A log with a commit a day, the newest today, and a checkpoint every tenth.
    fn log(newest: u64) -> Vec<LogFile> {
        let at = |version: u64| Timestamp(NOW.0 - (newest - version) as i64 * DAY_US);
        let commits = (0..=newest).map(|version| (format!("{version:020}.json"), at(version)));
        let checkpoints =
            (10..=newest).step_by(10).map(|version| (format!("{version:020}.checkpoint.parquet"), at(version)));
        commits.chain(checkpoints).chain([("_last_checkpoint".to_owned(), at(0))]).collect()
    }

    #[test]
    fn what_stands_before_the_newest_checkpoint_that_is_old_is_outdated_oldest_first() {
        let found = outdated(&log(65), NOW);
        assert_eq!(found.len(), 30 + 2, "commits 0 to 29 and the checkpoints 10 and 20");
        assert_eq!(found.first().unwrap(), "00000000000000000000.json");
        assert_eq!(found.last().unwrap(), "00000000000000000029.json");
    }

    #[test]
    fn a_young_log_a_log_without_an_old_checkpoint_and_other_files_stay() {
        assert!(outdated(&log(30), NOW).is_empty());
        let without: Vec<LogFile> = log(65).into_iter().filter(|(name, _)| !name.contains("checkpoint")).collect();
        assert!(outdated(&without, NOW).is_empty());
        let mut others = log(65);
        for name in ["notes.txt", "_last_checkpoint", "1.json", "00000000000000000001.json.tmp"] {
            others.push((name.to_owned(), Timestamp(0)));
        }
        assert_eq!(outdated(&others, NOW), outdated(&log(65), NOW));
    }

    #[test]
    fn after_a_removal_that_ended_early_the_rest_is_still_outdated() {
        let all = outdated(&log(65), NOW);
        let left: Vec<LogFile> = log(65).into_iter().filter(|(name, _)| !all[..7].contains(name)).collect();
        assert_eq!(outdated(&left, NOW), all[7..]);
    }
}
