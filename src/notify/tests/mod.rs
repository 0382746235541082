//! Whole messages as each service gets them, and deliveries to servers and programs on this machine.

mod commands;
mod mails;
mod rendering;
mod webhooks;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::{AlertNews, AlertState, Attachment, Channel, Delivery, Limits, Message, RunNews, Trouble, deliver};
use crate::base::clock::{Clock, SharedClock, Sleep, SystemClock, Timestamp};

const NOW: Timestamp = Timestamp(1_764_122_400_123_456);
/// Long for a server on this machine, short for a test.
const SHORT: Limits = Limits { timeout: Duration::from_secs(3), attempts: 3, attachment_bytes_max: 1_000 };

/// Shows always the same time, waits for nothing and notes how long it should have waited.
struct Quick {
    real: SystemClock,
    waits: Mutex<Vec<Duration>>,
}

impl Quick {
    fn new() -> Arc<Quick> {
        Arc::new(Quick { real: SystemClock::new(), waits: Mutex::default() })
    }

    fn waits_s(&self) -> Vec<u64> {
        self.waits.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

impl Clock for Quick {
    fn wall(&self) -> Timestamp {
        NOW
    }

    fn mono(&self) -> Duration {
        self.real.mono()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.waits.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

/// Delivers, and says which waits there were, in seconds.
async fn delivered(channel: &Channel, attachments: &[Attachment], limits: &Limits) -> (Delivery, Vec<u64>) {
    let clock = Quick::new();
    let shared: SharedClock = clock.clone();
    let delivery = deliver(channel, &message(), attachments, limits, &shared).await;
    (delivery, clock.waits_s())
}

/// Why a message was certainly not delivered.
#[track_caller]
fn failed(delivery: Delivery) -> String {
    match delivery {
        Delivery::Failed { why } => why,
        other => panic!("not failed, but {other:?}"),
    }
}

/// Why nobody knows whether a message was delivered.
#[track_caller]
fn unknown(delivery: Delivery) -> String {
    match delivery {
        Delivery::Unknown { why } => why,
        other => panic!("not unknown, but {other:?}"),
    }
}

/// A message with all its parts, some with hostile texts.
fn message() -> Message {
    let row = |app: &str, failed: u32, message: &str| {
        let row = json!({ "app": app, "failed": failed, "rate": 0.25, "message": message });
        row.as_object().cloned().unwrap()
    };
    Message {
        id: "run-12.ops".into(),
        at: NOW,
        store: "/srv/hclake/hclake.duckdb".into(),
        title: "run 12 is partial: 1 alert, 2 troubles".into(),
        run: Some(RunNews {
            run_id: Some(12),
            outcome: "partial".into(),
            started_at: Timestamp(NOW.0 - 240_000_000),
            ended_at: NOW,
        }),
        alerts: vec![
            AlertNews {
                name: "install failures".into(),
                state: AlertState::Fired,
                about: "failure rates of applications".into(),
                since: Some(NOW),
                columns: ["app", "failed", "rate", "message"].map(str::to_owned).to_vec(),
                rows: vec![
                    row("办公 Office", 12, "disk full"),
                    row("<!channel> [a](http://evil.example)", 3, "line 1\r\nBcc: all@example.com"),
                ],
                rows_left_out: 7,
            },
            AlertNews {
                name: "stuck_jobs".into(),
                state: AlertState::Over,
                about: "jobs that do not end".into(),
                since: None,
                columns: Vec::new(),
                rows: Vec::new(),
                rows_left_out: 0,
            },
        ],
        troubles: vec![
            Trouble {
                kind: "held_back".into(),
                text: "apps: 40 % of the records are gone <at user_id=\"all\">".into(),
                hint: Some("look at `hclake runs`, then run `hclake sync --accept apps`".into()),
            },
            Trouble { kind: "drift".into(), text: "deploy_tasks: new member `owner_*`".into(), hint: None },
        ],
        digest: vec!["3 applications are new".into(), "1 desktop is gone: www.evil.example & more".into()],
    }
}
