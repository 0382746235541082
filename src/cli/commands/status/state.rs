//! How the runs and lists of a store stand: what is stale, what is no longer asked for, and all of it as text and as JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow::array::RecordBatch;
use serde_json::json;

use super::last_failure::LastFailure;
use crate::base::clock::Timestamp;
use crate::cli::message::Failure;
use crate::cli::output;
use crate::cli::output::grid::Grid;
use crate::cli::output::lists::{distinguishing, short, verdict_in_words};
use crate::report::when::spoken;
use crate::store::{ListStatus, RunStatus};

/// A list that no run asked for in this time, or in twice `--max-age` where that is longer, is retired: `--max-age` does
/// not apply to it.
const RETIRED_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) struct Status {
    pub store: String,
    pub now: Timestamp,
    pub max_age: Option<Duration>,
    /// Newest first.
    pub runs: Vec<RunStatus>,
    pub lists: Vec<ListStatus>,
    /// The newest run, where it stored nothing.
    pub failure: Option<LastFailure>,
    /// What the settings do with personal data; `None` where they keep it as it comes.
    pub privacy: Option<String>,
    /// Table and scope of lists that the configuration no longer asks for.
    pub dropped: BTreeSet<(String, String)>,
}

/// The lists that the configuration does not ask for. None where it asks for no list of the store: then it is the
/// configuration of another store.
pub(super) fn dropped(lists: &[ListStatus], is_asked_for: impl Fn(&ListStatus) -> bool) -> BTreeSet<(String, String)> {
    let (asked, dropped): (Vec<_>, Vec<_>) = lists.iter().partition(|list| is_asked_for(list));
    let name = |list: &ListStatus| (list.table.clone(), list.scope.clone());
    if asked.is_empty() { BTreeSet::new() } else { dropped.into_iter().map(name).collect() }
}

impl Status {
    pub(super) fn age(&self, at: Timestamp) -> Duration {
        micros(self.now.minus(at))
    }

    pub(super) fn age_of(&self, list: &ListStatus) -> Option<Duration> {
        list.complete_at.map(|at| self.age(at))
    }

    pub(super) fn is_retired(&self, list: &ListStatus) -> bool {
        let newest = self.runs.first().map_or(self.now, |run| run.started_at);
        let newest = if newest.is_far_after(self.now) { self.now } else { newest };
        if self.dropped.contains(&(list.table.clone(), list.scope.clone())) {
            return true;
        }
        let idle = micros(newest.minus(list.asked_at));
        idle > RETIRED_AFTER.max(self.max_age.unwrap_or_default() * 2)
    }

    /// A line for each list that is too old; none where no age was given.
    pub(super) fn stale(&self) -> Vec<String> {
        let Some(max_age) = self.max_age else { return Vec::new() };
        if self.runs.is_empty() {
            return vec!["stale: the store holds no run yet".to_owned()];
        }
        let lists = self.lists.iter().filter(|list| !self.is_retired(list));
        let is_of_future = |list: &ListStatus| list.complete_at.filter(|at| at.is_far_after(self.now));
        let fault = |list: &ListStatus| match self.age_of(list) {
            _ if is_of_future(list).is_some() => Some(format!(
                "stale: {} [{}]: the newest complete listing is dated {}, which is in the future",
                list.table,
                list.scope,
                is_of_future(list).map_or(String::new(), to_second)
            )),
            Some(age) if age <= max_age => None,
            Some(age) => Some(format!(
                "stale: {} [{}]: the newest complete listing is {} old, more than {}",
                list.table,
                list.scope,
                spoken(age),
                spoken(max_age)
            )),
            None => Some(format!("stale: {} [{}]: no listing was ever complete", list.table, list.scope)),
        };
        lists.filter_map(fault).collect()
    }

    pub(super) fn text(&self, width: Option<u16>) -> Result<String, Failure> {
        if self.runs.is_empty() {
            return Ok(format!("{} holds no run yet\n", self.store));
        }
        let runs = output::table_fitting([self.runs_table()], width)?;
        let lists = output::table_fitting([self.lists_table(true), self.lists_table(false)], width)?;
        let hint = match self.lists.iter().filter(|list| !self.is_retired(list)).any(|list| list.held_back > 0) {
            true => {
                "\nheld back: more records vanished at once than max_gone_percent allows; hclake sync --allow-gone declares them gone\n"
            }
            false => "",
        };
        let privacy = self.privacy.as_ref().map_or(String::new(), |privacy| format!("\npersonal data: {privacy}\n"));
        let failure = self.failure.as_ref().map_or(String::new(), LastFailure::text);
        let beside = output::wrap::wrapped(&format!("{hint}{failure}{privacy}"), width);
        Ok(format!("{}\n\n{runs}\n{lists}{beside}", self.store))
    }

    fn runs_table(&self) -> RecordBatch {
        let lists = |run: &RunStatus| match run.incomplete_lists {
            0 => run.lists.to_string(),
            n => format!("{} ({n} incomplete)", run.lists),
        };
        let took = |run: &RunStatus| spoken(micros(run.ended_at.minus(run.started_at)));
        let runs = || self.runs.iter();
        Grid::default()
            .counts("run", runs().map(|run| u64::try_from(run.run_id).ok()))
            .texts("started", runs().map(|run| Some(to_second(run.started_at))))
            .texts("took", runs().map(|run| Some(took(run))))
            .texts("outcome", runs().map(|run| Some(run.outcome.name())))
            .texts("lists", runs().map(|run| Some(lists(run))))
            .counts("rows", runs().map(|run| Some(run.rows_read)))
            .counts("changes", runs().map(|run| Some(run.changes)))
            .batch()
    }

    fn lists_table(&self, whole_scopes: bool) -> RecordBatch {
        let lists = || self.lists.iter();
        let named: Vec<(&str, &str)> = lists().map(|list| (list.table.as_str(), list.scope.as_str())).collect();
        let scopes =
            if whole_scopes { lists().map(|list| short(&list.scope)).collect() } else { distinguishing(&named) };
        let newest = |list: &ListStatus| match self.is_retired(list) {
            true => "no longer asked for".to_owned(),
            false => verdict_in_words(list.verdict, None, list.held_back),
        };
        let complete =
            |list: &ListStatus| self.age_of(list).map_or("never".to_owned(), |age| format!("{} ago", spoken(age)));
        let mut grid = Grid::default().texts("table", lists().map(|list| Some(list.table.as_str())));
        if scopes.iter().any(|scope| !scope.is_empty()) {
            grid = grid.texts("scope", scopes.into_iter().map(Some));
        }
        grid.texts("newest", lists().map(|list| Some(newest(list))))
            .texts("complete", lists().map(|list| Some(complete(list))))
            .counts("rows", lists().map(|list| list.rows))
            .counts("bad", lists().map(|list| Some(list.quarantined)))
            .batch()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let run = |run: &RunStatus| {
            json!({
                "run_id": run.run_id, "started_at": run.started_at.to_string(), "ended_at": run.ended_at.to_string(),
                "outcome": run.outcome, "version": run.version, "lists": run.lists,
                "incomplete_lists": run.incomplete_lists, "rows_read": run.rows_read, "changes": run.changes,
            })
        };
        let list = |list: &ListStatus| {
            json!({
                "table": list.table, "scope": list.scope, "verdict": list.verdict,
                "asked_at": list.asked_at.to_string(), "complete_at": list.complete_at.map(|at| at.to_string()),
                "age_s": self.age_of(list).map(|age| age.as_secs()), "rows": list.rows,
                "quarantined": list.quarantined, "held_back": list.held_back, "retired": self.is_retired(list),
            })
        };
        json!({
            "store": self.store,
            "at": self.now.to_string(),
            "personal_data": self.privacy.as_deref().unwrap_or("keep"),
            "stale": self.max_age.map(|_| !self.stale().is_empty()),
            "failure": self.failure.as_ref().map(|failure| json!({
                "at": failure.at.to_string(), "message": failure.message, "hint": failure.hint,
            })),
            "runs": self.runs.iter().map(run).collect::<Vec<_>>(),
            "lists": self.lists.iter().map(list).collect::<Vec<_>>(),
        })
    }
}

fn micros(duration_us: i64) -> Duration {
    Duration::from_micros(u64::try_from(duration_us).unwrap_or(0))
}

pub(crate) fn to_second(at: Timestamp) -> String {
    at.to_datetime().map_or_else(|| at.to_string(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::status::testing::{list, run, status};

    fn stale(max_age_h: u64, lists: Vec<ListStatus>) -> Vec<String> {
        status(Some(max_age_h), vec![run(2)], lists).stale()
    }

    #[test]
    fn a_list_is_stale_when_it_is_older_than_the_given_age() {
        assert_eq!(stale(26, vec![list("apps", 2, Some(26))]), [""; 0]);
        assert_eq!(
            stale(25, vec![list("apps", 2, Some(26)), list("jobs", 2, Some(2))]),
            ["stale: apps [r/\"p\"]: the newest complete listing is 26 h 0 min old, more than 25 h 0 min"]
        );
        assert_eq!(stale(26, vec![list("apps", 2, None)]), ["stale: apps [r/\"p\"]: no listing was ever complete"]);
    }

    #[test]
    fn no_run_is_stale_and_without_an_age_nothing_is() {
        assert_eq!(status(Some(26), vec![], vec![]).stale(), ["stale: the store holds no run yet"]);
        assert_eq!(status(None, vec![], vec![]).stale(), [""; 0]);
        assert_eq!(status(None, vec![run(2)], vec![list("apps", 2, None)]).stale(), [""; 0]);
    }

    #[test]
    fn a_list_that_no_run_asks_for_any_more_is_shown_and_is_never_stale() {
        let week_h = 7 * 24 + 2;
        assert_eq!(stale(26, vec![list("apps", week_h + 1, Some(week_h + 1))]), [""; 0]);
        assert_eq!(stale(26, vec![list("apps", week_h, Some(week_h))]).len(), 1);
        assert_eq!(
            stale(24 * 8, vec![list("apps", 24 * 15, Some(24 * 15))]).len(),
            1,
            "a weekly list is not retired early"
        );
    }

    #[test]
    fn a_list_that_the_configuration_dropped_is_never_stale() {
        let lists = vec![list("apps", 30, Some(30)), list("jobs", 2, Some(2))];
        let dropped = dropped(&lists, |list| list.table == "jobs");
        let status = Status { dropped, ..status(Some(26), vec![run(2)], lists) };
        assert_eq!(status.stale(), [""; 0]);
        assert!(status.text(None).unwrap().contains("no longer asked for"));
    }

    #[test]
    fn a_configuration_that_asks_for_none_of_the_lists_drops_none() {
        let lists = vec![list("apps", 30, Some(30))];
        assert!(super::dropped(&lists, |_| false).is_empty());
    }

    #[test]
    fn a_listing_of_the_future_is_stale_whatever_its_age() {
        let future_h = -24 * 365;
        let lists = vec![list("apps", future_h, Some(future_h)), list("jobs", 30, Some(30))];
        let stale = status(Some(26), vec![run(future_h)], lists).stale();
        assert_eq!(stale.len(), 2, "{stale:?}");
        assert!(
            stale[0].contains("apps") && stale[0].ends_with("is dated 2027-01-15 08:30:00Z, which is in the future"),
            "{stale:?}"
        );
    }

    #[test]
    fn the_text_shows_runs_and_lists() {
        let lists = vec![list("apps", 2, Some(2)), list("jobs", 2, Some(50)), list("old", 400, Some(400))];
        insta::assert_snapshot!(status(None, vec![run(2)], lists).text(None).unwrap());
    }
}
