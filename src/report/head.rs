//! Remarks that stand before a report. They name the lists of the report that were never read to the end, that the
//! newest listing could not prove, or that are old. A pure function of the lists' status; it reads no store.

use std::time::Duration;

use super::when::spoken;
use crate::base::clock::Timestamp;
use crate::store::{ListStatus, Verdict};

/// From this age on, the age of a list is always shown: a nightly run was missed.
pub const OLD: Duration = Duration::from_secs(48 * 3600);
/// Lines of a head, at most.
pub const LINES_MAX: usize = 10;

/// Remarks on the lists of `tables`, a line each. `lists` are all of the store, as they stood at `at`, which may be a past
/// instant that was asked for.
pub fn head(lists: &[ListStatus], tables: &[&str], at: Timestamp, is_past: bool) -> Vec<String> {
    let newest_run = lists.iter().map(|list| list.asked_run).max();
    let mut lines = Vec::new();
    for table in tables {
        let mut of_table = lists.iter().filter(|list| list.table == *table).peekable();
        if of_table.peek().is_none() {
            lines.push(match is_past {
                true => {
                    format!("of {table} nothing is known as of then: it had not been read, or the night was pruned")
                }
                false => format!("{table} was not read yet; `hclake sync` reads it"),
            });
        }
        lines.extend(of_table.filter_map(|list| remark(list, newest_run, at)));
    }
    let more = lines.len().saturating_sub(LINES_MAX);
    if more > 0 {
        lines.truncate(LINES_MAX - 1);
        lines.push(format!("the same is true of {} more lists; hclake status shows them", more + 1));
    }
    lines
}

/// `None` where the newest run has read the list completely.
fn remark(list: &ListStatus, newest_run: Option<i64>, at: Timestamp) -> Option<String> {
    let age = |then: Timestamp| Duration::from_micros(u64::try_from(at.minus(then)).unwrap_or(0));
    let ListStatus { table, scope, verdict, .. } = list;
    let Some(complete_at) = list.complete_at else {
        return Some(format!("{table} [{scope}] was never read to the end; these rows are a part of it, or none"));
    };
    let old = spoken(age(complete_at));
    let asked = spoken(age(list.asked_at));
    match verdict {
        Verdict::Complete if list.held_back > 0 => Some(format!(
            "{table} [{scope}]: the newest listing, {asked} ago, lacks {} records at once; they are still shown",
            list.held_back
        )),
        Verdict::Complete if Some(list.asked_run) < newest_run => {
            Some(format!("{table} [{scope}] was not asked for in the newest run; it was last read {old} ago"))
        }
        Verdict::Complete if age(complete_at) > OLD => Some(format!("{table} [{scope}] was last read {old} ago")),
        Verdict::Complete => None,
        Verdict::Unproved => Some(format!(
            "{table} [{scope}]: the newest listing, {asked} ago, is unproved; the newest complete one is {old} old"
        )),
        Verdict::Failed => {
            Some(format!("{table} [{scope}]: the newest listing, {asked} ago, {verdict}; these rows are {old} old"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;
    const AT: Timestamp = Timestamp(1_777_777_777_000_000);

    fn ago_h(hours: i64) -> Timestamp {
        Timestamp(AT.0 - hours * HOUR_US)
    }

    fn list(table: &str, verdict: Verdict, asked_h: i64, complete_h: Option<i64>, asked_run: i64) -> ListStatus {
        ListStatus {
            table: table.into(),
            scope: "r/p".into(),
            verdict,
            asked_at: ago_h(asked_h),
            complete_at: complete_h.map(ago_h),
            rows: complete_h.map(|_| 10),
            quarantined: 0,
            asked_run,
            held_back: 0,
        }
    }

    fn of(lists: &[ListStatus]) -> Vec<String> {
        head(lists, &["jobs"], AT, false)
    }

    #[test]
    fn a_list_of_last_night_needs_no_remark() {
        assert_eq!(
            of(&[list("jobs", Verdict::Complete, 2, Some(2), 7), list("apps", Verdict::Failed, 2, None, 7)]),
            [""; 0]
        );
    }

    #[test]
    fn each_reason_for_old_rows_is_reported_with_its_age() {
        let cases = [
            (
                list("jobs", Verdict::Failed, 2, None, 7),
                "jobs [r/p] was never read to the end; these rows are a part of it, or none",
            ),
            (
                list("jobs", Verdict::Failed, 2, Some(26), 7),
                "jobs [r/p]: the newest listing, 2 h 0 min ago, failed; these rows are 26 h 0 min old",
            ),
            (
                list("jobs", Verdict::Unproved, 2, Some(50), 7),
                "jobs [r/p]: the newest listing, 2 h 0 min ago, is unproved; the newest complete one is 2 d 2 h old",
            ),
            (
                list("jobs", Verdict::Complete, 26, Some(26), 6),
                "jobs [r/p] was not asked for in the newest run; it was last read 26 h 0 min ago",
            ),
            (list("jobs", Verdict::Complete, 100, Some(100), 7), "jobs [r/p] was last read 4 d 4 h ago"),
            (
                ListStatus { held_back: 45, ..list("jobs", Verdict::Complete, 2, Some(2), 7) },
                "jobs [r/p]: the newest listing, 2 h 0 min ago, lacks 45 records at once; they are still shown",
            ),
        ];
        let newest = list("apps", Verdict::Complete, 2, Some(2), 7);
        for (jobs, line) in cases {
            assert_eq!(of(&[newest.clone(), jobs]), [line]);
        }
        assert_eq!(of(&[newest]), ["jobs was not read yet; `hclake sync` reads it"]);
    }

    #[test]
    fn many_lists_end_in_a_count() {
        let lists: Vec<ListStatus> = (0..40).map(|_| list("jobs", Verdict::Failed, 2, None, 7)).collect();
        let lines = of(&lists);
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines[LINES_MAX - 1], "the same is true of 31 more lists; hclake status shows them");
    }
}
