//! What is to be said of a run: its outcome, its troubles, what alerts found. Plain decisions; it sends nothing.

use serde_json::{Map, Value};

use super::rules::{Found, Judged};
use crate::alert::News;
use crate::base::clock::Timestamp;
use crate::cli::message::Failure;
use crate::cli::output::lists::{HELD_BACK_HINT, UNPROVED_HINT};
use crate::cli::streams::counted;
use crate::config::NotifySettings;
use crate::notify::{AlertNews, AlertState, Message, RunNews, Trouble};
use crate::store::{Drift, Episode, Outcome, Quarantined, Verdict};
use crate::sync::{Expiry, ListError, ListSummary, Summary};

/// Rows of an alert in a message, at most.
const ROWS_MAX: usize = 20;
/// Troubles of one kind in a message, at most.
const TROUBLES_MAX: usize = 20;

/// The event that an alert's own fault counts as.
const ALERT: &str = "alert";

/// What became of a run.
pub(super) enum Ended<'a> {
    Stored(&'a Summary),
    /// It was refused before it could sum up, or summed up that nothing was stored.
    Failed {
        at: Timestamp,
        lines: Vec<(String, Option<String>)>,
    },
}

/// What is known after a run.
pub(super) struct Known<'a> {
    pub ended: &'a Ended<'a>,
    pub store: String,
    pub now: Timestamp,
    pub judged: &'a [Judged<'a>],
    pub drift: &'a [Drift],
    pub quarantined: &'a [Quarantined],
    /// Credentials that are to be renewed.
    pub expiring: &'a [Expiry],
    /// The sentences of the digest.
    pub digest: &'a [String],
}

impl Ended<'_> {
    /// The failure of a run that stored nothing.
    pub(super) fn of_failure(failure: &Failure, at: Timestamp) -> Ended<'static> {
        Ended::Failed { at, lines: vec![(failure.message.clone(), failure.hint.clone())] }
    }

    /// A summary, which may say that nothing was stored.
    pub(super) fn of_summary(summary: &Summary) -> Ended<'_> {
        if summary.run_id.is_some() {
            return Ended::Stored(summary);
        }
        let line = |(list, error): (&ListSummary, &ListError)| {
            (format!("{}: {}", place(list), error.message), error.hint.clone())
        };
        Ended::Failed { at: summary.started_at, lines: summary.errors().map(line).collect() }
    }

    pub(super) fn run_id(&self) -> Option<i64> {
        if let Ended::Stored(summary) = self { summary.run_id } else { None }
    }
}

/// Days before the end of credentials on which it is reported.
const EXPIRY_DAYS: [i64; 5] = [14, 7, 3, 1, 0];
pub(super) const DAY_US: i64 = 86_400_000_000;

/// Whether the end of credentials is to be reported now: a day on which that is done has begun since the run before, if
/// there was one.
pub(super) fn is_due(ends_at: Timestamp, before: Option<Timestamp>, now: Timestamp) -> bool {
    let mut days = EXPIRY_DAYS.into_iter().map(|days| Timestamp(ends_at.0.saturating_sub(days * DAY_US)));
    days.any(|day| day <= now && before.is_none_or(|before| before < day))
}

/// What one channel is to hear; nothing where nothing of it concerns the channel.
pub(super) fn message(known: &Known<'_>, channel: &NotifySettings) -> Option<Message> {
    let wants = |subject: &str| channel.on.iter().any(|on| on == subject);
    let troubles: Vec<Trouble> = troubles(known).into_iter().filter(|trouble| wants(&trouble.kind)).collect();
    let hears = |judged: &&Judged<'_>| match judged.alert.notify.as_slice() {
        [] => wants(ALERT),
        names => names.contains(&channel.name),
    };
    let alerts: Vec<AlertNews> = known.judged.iter().filter(hears).flat_map(alert_news).collect();
    let digest = if channel.digest { known.digest.to_vec() } else { Vec::new() };
    if troubles.is_empty() && alerts.is_empty() && digest.is_empty() {
        return None;
    }
    let run = run_news(known);
    Some(Message {
        id: format!("{}@{}", known.store, run.started_at),
        at: known.now,
        store: known.store.clone(),
        title: title(&run, &alerts, &troubles),
        run: Some(run),
        alerts,
        troubles,
        digest,
    })
}

fn run_news(known: &Known<'_>) -> RunNews {
    match known.ended {
        Ended::Stored(summary) => RunNews {
            run_id: summary.run_id,
            outcome: summary.outcome.name().to_owned(),
            started_at: summary.started_at,
            ended_at: summary.ended_at,
        },
        Ended::Failed { at, .. } => {
            RunNews { run_id: None, outcome: Outcome::Failed.name().to_owned(), started_at: *at, ended_at: known.now }
        }
    }
}

fn title(run: &RunNews, alerts: &[AlertNews], troubles: &[Trouble]) -> String {
    let name = run.run_id.map_or("a run".to_owned(), |id| format!("run {id}"));
    let outcome = match run.outcome.as_str() {
        "partial" => "partly done",
        other => other,
    };
    let of_state = |state: AlertState| alerts.iter().filter(|alert| alert.state == state).count() as u64;
    let (fired, over) = (of_state(AlertState::Fired), of_state(AlertState::Over));
    let mut parts = vec![format!("{name} {outcome}")];
    parts.extend((fired > 0).then(|| format!("{} fired", counted(fired, "alert"))));
    parts.extend((over > 0).then(|| format!("{} over", counted(over, "alert"))));
    parts.extend((!troubles.is_empty()).then(|| counted(troubles.len() as u64, "trouble")));
    format!("hclake: {}", parts.join(", "))
}

/// What an alert has to say: the rows that fired, and those that are over.
fn alert_news(judged: &Judged<'_>) -> Vec<AlertNews> {
    let Ok(Found { news: News { fired, over, .. }, columns, .. }) = &judged.found else { return Vec::new() };
    let news = |state, episodes: &[Episode]| AlertNews {
        name: judged.alert.name.clone(),
        state,
        about: judged.about.clone(),
        since: episodes.iter().map(|episode| episode.fired_at).min(),
        columns: columns.to_vec(),
        rows: episodes.iter().take(ROWS_MAX).map(row).collect(),
        rows_left_out: episodes.len().saturating_sub(ROWS_MAX) as u64,
    };
    let both = [(AlertState::Fired, fired), (AlertState::Over, over)];
    both.into_iter().filter(|(_, episodes)| !episodes.is_empty()).map(|(state, all)| news(state, all)).collect()
}

fn row(episode: &Episode) -> Map<String, Value> {
    serde_json::from_str(&episode.row).unwrap_or_default()
}

fn place(list: &ListSummary) -> String {
    format!("{} [{}]", list.table, list.scope)
}

/// Everything that went wrong, or that nobody has seen yet.
fn troubles(known: &Known<'_>) -> Vec<Trouble> {
    let trouble = |kind: &str, text: String, hint: Option<String>| Trouble { kind: kind.to_owned(), text, hint };
    let mut troubles: Vec<Trouble> = Vec::new();
    match known.ended {
        Ended::Failed { lines, .. } => {
            troubles.extend(lines.iter().map(|(text, hint)| trouble("failed", text.clone(), hint.clone())));
        }
        Ended::Stored(summary) => {
            for list in &summary.tables {
                troubles.extend(of_list(list).map(|(kind, text, hint)| trouble(kind, text, hint)));
            }
            let faults = summary.catalog_faults.iter().map(|fault| trouble("partial", fault.clone(), None));
            troubles.extend(faults);
            troubles.extend(summary.archive_fault.iter().map(|fault| {
                trouble("partial", format!("the pages were not archived: {}", fault.message), fault.hint.clone())
            }));
        }
    }
    let unseen = |field: &Drift| {
        let kind = match field.kind.as_str() {
            "vanished" => "is in no record any more",
            "type" => "has another type",
            _ => "is unknown; its values are kept in `extra`",
        };
        let hint = format!("`hclake drift` shows it; `hclake drift acknowledge {}` ends the warning", field.table);
        trouble("drift", format!("{}: the member `{}` {kind}", field.table, field.field), Some(hint))
    };
    troubles.extend(known.drift.iter().take(TROUBLES_MAX).map(unseen));
    if !known.quarantined.is_empty() {
        let count = counted(known.quarantined.len() as u64, "record");
        let hint = "`hclake quarantine` shows them; they are kept as they came".to_owned();
        troubles.push(trouble("quarantine", format!("{count} could not be read, for the first time"), Some(hint)));
    }
    let ends = known.expiring.iter().map(|expiry| {
        let hint = "give the user a new password and hclake the same; without it, no list can be read from then on";
        trouble("expiring", expiry.to_string(), Some(hint.to_owned()))
    });
    troubles.extend(ends);
    let faulty = known.judged.iter().filter_map(|judged| Some((&judged.alert.name, judged.found.as_ref().err()?)));
    troubles.extend(faulty.map(|(name, fault)| {
        trouble(ALERT, format!("the alert {name} could not be judged: {}", fault.message), fault.hint.clone())
    }));
    troubles
}

/// What is wrong with one list of a run that stored something.
fn of_list(list: &ListSummary) -> impl Iterator<Item = (&'static str, String, Option<String>)> {
    let place = place(list);
    let error = list.error.as_ref();
    let failed = (list.verdict == Verdict::Failed).then(|| {
        let why = error.map_or(String::new(), |error| format!(": {}", error.message));
        ("partial", format!("{place} failed{why}"), error.and_then(|error| error.hint.clone()))
    });
    let unproved = (list.verdict == Verdict::Unproved).then(|| {
        let why = list.proof.as_deref().map_or(String::new(), |proof| format!(": {proof}"));
        let hint = UNPROVED_HINT.to_owned();
        ("unproved", format!("{place} could not be proved complete{why}"), Some(hint))
    });
    let held_back = (list.held_back > 0).then(|| {
        let hint = HELD_BACK_HINT.to_owned();
        let count = counted(list.held_back, "record");
        ("held_back", format!("{place}: {count} would be gone at once; they are kept open"), Some(hint))
    });
    [failed, unproved, held_back].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_credentials_is_reported_once_for_each_of_its_days() {
        let day = |day: i64| Timestamp(day * DAY_US);
        let nights: Vec<i64> = (80..=102).collect();
        let before = |night: i64| (night > 80).then(|| day(night - 1));
        let reported: Vec<i64> =
            nights.into_iter().filter(|night| is_due(day(100), before(*night), day(*night))).collect();
        assert_eq!(reported, [86, 93, 97, 99, 100]);
        assert!(is_due(day(100), None, day(90)), "a first run reports what is near");
        assert!(!is_due(day(100), None, day(85)));
        assert!(is_due(day(100), Some(day(70)), day(98)), "so does one after a pause");
    }
}
