//! What is new about an alert: a row fires once, when its condition becomes true, and is over once, when it is no longer true.
//! It is a plain decision over what fired before and what is true now.

use super::hits::Hit;
use crate::base::clock::Timestamp;
use crate::store::Episode;

/// What one run changes about one alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct News {
    /// Rows that fulfil the condition and did not before.
    pub fired: Vec<Episode>,
    /// Rows that fulfilled it and no longer do.
    pub over: Vec<Episode>,
    /// Rows that fulfil it as before.
    pub still: Vec<Episode>,
}

/// Compares what is true after a run with what fired before it. `open` may hold other alerts.
pub(crate) fn news(alert: &str, hits: &[Hit], open: &[Episode], (run_id, at): (i64, Timestamp)) -> News {
    let before = || open.iter().filter(|episode| episode.alert == alert);
    let fires = |episode: &&Episode| hits.iter().any(|hit| hit.subject == episode.subject);
    let is_new = |hit: &&Hit| !before().any(|episode| episode.subject == hit.subject);
    let episode = |hit: &Hit| Episode {
        alert: alert.to_owned(),
        subject: hit.subject.clone(),
        fired_run_id: run_id,
        fired_at: at,
        row: serde_json::Value::Object(hit.row.clone()).to_string(),
    };
    News {
        fired: hits.iter().filter(is_new).map(episode).collect(),
        over: before().filter(|episode| !fires(episode)).cloned().collect(),
        still: before().filter(fires).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;

    use super::*;

    fn hit(subject: &str) -> Hit {
        Hit { subject: subject.to_owned(), row: Map::new() }
    }

    /// Lets nights pass, and returns for each the subjects that fired and those that were over.
    fn nights(nights: &[Vec<&str>]) -> Vec<(Vec<String>, Vec<String>)> {
        let mut open: Vec<Episode> = vec![Episode { alert: "other".into(), ..episode("a") }];
        let mut told = Vec::new();
        for (run, subjects) in nights.iter().enumerate() {
            let hits: Vec<Hit> = subjects.iter().map(|subject| hit(subject)).collect();
            let News { fired, over, .. } = news("worse", &hits, &open, (run as i64, Timestamp(run as i64)));
            open.retain(|episode| !over.contains(episode));
            open.extend(fired.iter().cloned());
            let names = |episodes: &[Episode]| episodes.iter().map(|episode| episode.subject.clone()).collect();
            told.push((names(&fired), names(&over)));
        }
        told
    }

    fn episode(subject: &str) -> Episode {
        let (alert, subject, row) = ("worse".to_owned(), subject.to_owned(), "{}".to_owned());
        Episode { alert, subject, fired_run_id: 0, fired_at: Timestamp(0), row }
    }

    #[test]
    fn a_row_fires_once_is_over_once_and_may_fire_again() {
        let told = nights(&[vec!["a"], vec!["a", "b"], vec!["b"], vec!["b"], vec!["a"]]);
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = [
            (texts(&["a"]), texts(&[])),
            (texts(&["b"]), texts(&[])),
            (texts(&[]), texts(&["a"])),
            (texts(&[]), texts(&[])),
            (texts(&["a"]), texts(&["b"])),
        ];
        assert_eq!(told, expected);
    }

    proptest! {
        #[test]
        fn what_fired_less_what_was_over_is_what_is_true_now(
            nights_of in proptest::collection::vec(proptest::collection::btree_set("[a-d]", 0..4), 1..12)
        ) {
            let nights_of: Vec<Vec<&str>> =
                nights_of.iter().map(|night| night.iter().map(String::as_str).collect()).collect();
            let mut open = std::collections::BTreeSet::new();
            for ((fired, over), now) in nights(&nights_of).into_iter().zip(&nights_of) {
                prop_assert!(fired.iter().all(|subject| open.insert(subject.clone())), "it fired twice");
                prop_assert!(over.iter().all(|subject| open.remove(subject)), "it was over twice");
                prop_assert!(open.iter().map(String::as_str).eq(now.iter().copied()));
            }
        }
    }
}
