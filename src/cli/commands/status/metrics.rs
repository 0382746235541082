//! The status as metrics for Prometheus and what reads its format. It judges nothing: rules over these figures do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::state::Status;
use crate::base::clock::Timestamp;
use crate::cli::message::Failure;
use crate::store::{self, ListStatus, Outcome, Reader, RunStatus, SweepMetrics, Verdict};

/// How a file of metrics begins.
pub(super) const BEGINNING: &str = "# TYPE hclake_";

/// What the store holds besides the status of its lists.
#[derive(Debug, Default)]
pub(super) struct Extent {
    pub store_bytes: u64,
    pub sweeps: Vec<SweepMetrics>,
    /// Members that differ from the catalog and that nobody has acknowledged, by table.
    pub drift: BTreeMap<String, u64>,
    /// Rows for which each alert fires.
    pub alerts: BTreeMap<String, u64>,
    /// Messages in the ledger that did not certainly arrive, by channel.
    pub undelivered: BTreeMap<String, u64>,
}

/// Messages that are looked at.
const NOTICES_MAX: u32 = 100;

impl Extent {
    pub(super) fn of(path: &Path, reader: &Reader) -> Result<Extent, Failure> {
        let drift = store::known_drift(reader)?.into_iter().filter(|drift| !drift.is_acknowledged);
        let alerts = store::open_alerts(reader)?.into_iter().map(|episode| episode.alert);
        let undelivered =
            store::newest_notices(reader, NOTICES_MAX)?.into_iter().filter(|notice| notice.state != "sent");
        Ok(Extent {
            store_bytes: std::fs::metadata(path).map_or(0, |held| held.len()),
            sweeps: store::sweep_metrics(reader)?,
            drift: counts(drift.map(|drift| drift.table)),
            alerts: counts(alerts),
            undelivered: counts(undelivered.map(|notice| notice.channel)),
        })
    }
}

fn counts(names: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}

/// Labels and a value.
type Sample = (String, String);

#[derive(Default)]
struct Text(String);

impl Text {
    fn gauge(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample>) {
        let _ = writeln!(self.0, "# TYPE hclake_{name} gauge");
        if let Some(unit) = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(unit)) {
            let _ = writeln!(self.0, "# UNIT hclake_{name} {unit}");
        }
        let _ = writeln!(self.0, "# HELP hclake_{name} {help}");
        for (labels, value) in samples {
            let _ = writeln!(self.0, "hclake_{name}{labels} {value}");
        }
    }
}

/// All metrics, in the text format of OpenMetrics.
pub(super) fn text(status: &Status, extent: &Extent) -> String {
    let mut text = Text::default();
    of_run(&mut text, status.runs.first());
    of_lists(&mut text, status);
    of_sweeps(&mut text, status, &extent.sweeps);
    let store_bytes = (extent.store_bytes > 0).then(|| (String::new(), extent.store_bytes.to_string()));
    text.gauge("store_bytes", "Size of the store.", store_bytes);
    let by = |name: &'static str, counts: &BTreeMap<String, u64>| -> Vec<Sample> {
        counts.iter().map(|(of, count)| (labels(&[(name, of)]), count.to_string())).collect()
    };
    text.gauge(
        "drift_members",
        "Members in which records differ from the catalog, and which nobody has acknowledged.",
        by("table", &extent.drift),
    );
    text.gauge("alert_rows", "Rows for which an alert fires.", by("alert", &extent.alerts));
    text.gauge(
        "messages_undelivered",
        "Of the newest 100 messages, those that did not certainly arrive.",
        by("channel", &extent.undelivered),
    );
    text.0.push_str("# EOF\n");
    text.0
}

fn of_run(text: &mut Text, newest: Option<&RunStatus>) {
    let of_run = |value: fn(&RunStatus) -> String| newest.map(|run| (String::new(), value(run)));
    text.gauge(
        "last_run_start_timestamp_seconds",
        "When the newest run that stored something began.",
        of_run(|run| seconds(run.started_at)),
    );
    text.gauge(
        "last_run_end_timestamp_seconds",
        "When the newest run that stored something ended.",
        of_run(|run| seconds(run.ended_at)),
    );
    text.gauge(
        "last_run_duration_seconds",
        "How long the newest run took that stored something.",
        of_run(|run| seconds(Timestamp(run.ended_at.minus(run.started_at)))),
    );
    let outcomes = [Outcome::Complete, Outcome::Partial].iter().flat_map(|outcome| {
        let is_it = |run: &RunStatus| u8::from(run.outcome == *outcome).to_string();
        newest.map(|run| (labels(&[("outcome", outcome.name())]), is_it(run)))
    });
    text.gauge("last_run_outcome", "1 for the outcome of the newest run, 0 for the others.", outcomes);
}

fn of_lists(text: &mut Text, status: &Status) {
    let held: Vec<&ListStatus> = status.lists.iter().filter(|list| !status.is_retired(list)).collect();
    let of_lists = |value: &dyn Fn(&ListStatus) -> Option<String>| -> Vec<Sample> {
        let sample = |list: &&ListStatus| Some((of_list(&list.table, &list.scope), value(list)?));
        held.iter().filter_map(sample).collect()
    };
    text.gauge(
        "list_complete_timestamp_seconds",
        "When the newest complete listing began.",
        of_lists(&|list| list.complete_at.map(seconds)),
    );
    text.gauge(
        "list_age_seconds",
        "Age of the newest complete listing when this was written.",
        of_lists(&|list| status.age_of(list).map(|age| age.as_secs().to_string())),
    );
    text.gauge(
        "list_newest_complete",
        "1 where the newest listing was complete.",
        of_lists(&|list| Some(u8::from(list.verdict == Verdict::Complete).to_string())),
    );
    let verdicts = [Verdict::Complete, Verdict::Unproved, Verdict::Failed];
    let of_verdict = |list: &&ListStatus, verdict: Verdict| {
        let named = [("table", list.table.as_str()), ("scope", &list.scope), ("verdict", verdict.name())];
        (labels(&named), u8::from(list.verdict == verdict).to_string())
    };
    text.gauge(
        "list_verdict",
        "1 for the verdict of the newest listing, 0 for the others.",
        held.iter().flat_map(|list| verdicts.map(|verdict| of_verdict(list, verdict))),
    );
    text.gauge(
        "list_rows",
        "Records that are open in the store.",
        of_lists(&|list| list.rows.map(|rows| rows.to_string())),
    );
    text.gauge(
        "list_quarantined",
        "Records that could not be read and wait in quarantine.",
        of_lists(&|list| Some(list.quarantined.to_string())),
    );
    text.gauge(
        "list_held_back",
        "Records that stay open because too many were missing at once.",
        of_lists(&|list| Some(list.held_back.to_string())),
    );
}

fn of_sweeps(text: &mut Text, status: &Status, sweeps: &[SweepMetrics]) {
    let is_held = |sweep: &&SweepMetrics| {
        let of = |list: &&ListStatus| list.table == sweep.table && list.scope == sweep.scope;
        status.lists.iter().find(of).is_some_and(|list| !status.is_retired(list))
    };
    let held: Vec<&SweepMetrics> = sweeps.iter().filter(is_held).collect();
    let of = |value: fn(&SweepMetrics) -> String| -> Vec<Sample> {
        held.iter().map(|sweep| (of_list(&sweep.table, &sweep.scope), value(sweep))).collect()
    };
    text.gauge(
        "list_duration_seconds",
        "How long the newest listing took.",
        of(|sweep| seconds(Timestamp(sweep.duration_us))),
    );
    text.gauge("list_requests", "Requests of the newest listing.", of(|sweep| sweep.requests.to_string()));
    text.gauge("list_retries", "Requests of it beyond the first for a page.", of(|sweep| sweep.retries.to_string()));
    text.gauge(
        "list_throttled",
        "Answers to it that said \"too many requests\".",
        of(|sweep| sweep.throttled.to_string()),
    );
    text.gauge(
        "list_waited_seconds",
        "Time that it waited for the rate limit and between retries.",
        of(|sweep| seconds(Timestamp(sweep.waited_ms.cast_signed().saturating_mul(1000)))),
    );
}

fn of_list(table: &str, scope: &str) -> String {
    labels(&[("table", table), ("scope", scope)])
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    let pair = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
    format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
}

fn seconds(at: Timestamp) -> String {
    format!("{}.{:06}", at.0.div_euclid(1_000_000), at.0.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{list, run, status};
    use super::*;

    fn extent() -> Extent {
        let sweep = SweepMetrics {
            table: "apps".into(),
            scope: "r/\"p\"".into(),
            duration_us: 1_250_000,
            requests: 3,
            retries: 1,
            throttled: 1,
            waited_ms: 1_020,
        };
        Extent {
            store_bytes: 5_242_880,
            sweeps: vec![sweep],
            drift: counts(["apps".to_owned(), "apps".to_owned()].into_iter()),
            alerts: counts(["worse".to_owned()].into_iter()),
            undelivered: BTreeMap::new(),
        }
    }

    #[test]
    fn openmetrics_has_a_type_and_help_for_every_gauge_and_ends_with_eof() {
        let status = status(None, vec![run(2)], vec![list("apps", 2, Some(2)), list("jobs", 2, None)]);
        insta::assert_snapshot!(text(&status, &extent()));
    }

    #[test]
    fn openmetrics_of_an_empty_store_still_names_its_gauges() {
        let text = text(&status(None, vec![], vec![]), &Extent::default());
        assert!(text.lines().all(|line| line.starts_with("# ")), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
