//! What is said of one run, as plain values. As JSON they are what a command reads and what a webhook of the form
//! `json` gets. It knows nothing of how a message looks or where it goes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::base::clock::Timestamp;

/// All that is said at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same for each attempt, so that a receiver can drop a double.
    pub id: String,
    /// When it was made.
    #[serde(serialize_with = "instant", deserialize_with = "read_instant")]
    pub at: Timestamp,
    /// The store that it is about.
    pub store: String,
    /// One line that says the most important.
    pub title: String,
    /// The run that it follows, if it follows one.
    pub run: Option<RunNews>,
    /// Alerts that fired or ended.
    pub alerts: Vec<AlertNews>,
    /// What a person may have to look after.
    pub troubles: Vec<Trouble>,
    /// Sentences about what changed.
    pub digest: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunNews {
    /// None where the run ended before it had a number.
    pub run_id: Option<i64>,
    /// `complete`, `partial` or `failed`.
    pub outcome: String,
    /// Its first moment.
    #[serde(serialize_with = "instant", deserialize_with = "read_instant")]
    pub started_at: Timestamp,
    /// Its last moment.
    #[serde(serialize_with = "instant", deserialize_with = "read_instant")]
    pub ended_at: Timestamp,
}

/// An alert that changed its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertNews {
    /// Its name in the configuration.
    pub name: String,
    /// What it is now.
    pub state: AlertState,
    /// The title of the report that it watches.
    pub about: String,
    /// Since when it fires.
    #[serde(serialize_with = "instant_or_null", deserialize_with = "read_instant_or_null")]
    pub since: Option<Timestamp>,
    /// The columns to show, in order; JSON objects have none. Empty: those of the first row, by name.
    pub columns: Vec<String>,
    /// The rows of the report that made it fire, the first of them.
    pub rows: Vec<Map<String, Value>>,
    /// How many rows there are besides.
    pub rows_left_out: u64,
}

/// Whether an alert begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Its report has rows, and had none before.
    Fired,
    /// Its report has no rows any more.
    Over,
}

/// One thing to look after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// `failed`, `partial`, `unproved`, `drift`, `held_back`, `quarantine` or `expiring`.
    pub kind: String,
    /// What happened, and where.
    pub text: String,
    /// What to do next.
    pub hint: Option<String>,
}

fn instant<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn instant_or_null<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

fn read_instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| serde::de::Error::custom("no instant"))
}

fn read_instant_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| read(&text)))
}

fn read(text: &str) -> Option<Timestamp> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| Timestamp(at.timestamp_micros()))
}
