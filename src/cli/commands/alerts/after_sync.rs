//! After a sync: judges the alerts, writes what they found into the ledger, and sends what is to be heard. Each message is
//! written down before it is sent and marked afterwards, so that none is sent twice. Nothing here changes a run's exit code.

use std::sync::Arc;

use super::message::{DAY_US, Ended, Known, is_due, message};
use super::rules::{AfterRun, Judged, judge};
use crate::alert::News;
use crate::base::clock::{SharedClock, SystemClock, Timestamp};
use crate::base::time_zone::TimeZone;
use crate::cli::commands::dashboard;
use crate::cli::commands::report::reports;
use crate::cli::message::Failure;
use crate::cli::progress::runtime;
use crate::cli::progress::watch::{Listener, Stop, Watched};
use crate::cli::stores::{CLOSED, moment};
use crate::cli::streams::{Streams, counted};
use crate::config::settings::TIMEZONE;
use crate::config::{NotifySettings, Settings};
use crate::notify::{self, Attachment, Channel, Delivery, Message};
use crate::report::{Reports, Request, Session};
use crate::store::{self, Begun, Drift, Notice, Quarantined, Reader};
use crate::sync::{Expiry, Summary, upkeep_settings, waiting};

/// A message that certainly did not arrive is tried again for this long,
const AGAIN_DAYS: i64 = 3;
/// in this many runs at most,
const ATTEMPTS_MAX: u32 = 3;
/// and so many at once.
const AGAIN_MAX: u32 = 50;
/// The report whose sentences are a morning's message.
const DIGEST: &str = "digest";
/// Characters of a reason in the ledger, at most.
const ERROR_CHARS_MAX: usize = 1_000;

/// What a run found, as its store holds it.
#[derive(Default)]
struct Read<'a> {
    judged: Vec<Judged<'a>>,
    drift: Vec<Drift>,
    quarantined: Vec<Quarantined>,
    expiring: Vec<Expiry>,
    digest: Vec<String>,
    dashboard: Option<Vec<u8>>,
}

/// Does all of it, and reports what could not be done. `begun_at` is when the run began.
pub(crate) fn after_sync(
    settings: &Settings,
    ended: &Result<Summary, Failure>,
    begun_at: Timestamp,
    streams: &Streams<'_>,
) {
    if settings.alerts.is_empty() && settings.notify.is_empty() {
        return;
    }
    let ended = match ended {
        Ok(summary) => Ended::of_summary(summary),
        Err(failure) => Ended::of_failure(failure, begun_at),
    };
    let result = AfterSync { settings, ended, clock: SystemClock::shared() }.run(streams);
    if let Err(failure) = result {
        streams.remark(&failure.after("warning: alerts and messages"));
    }
}

struct AfterSync<'a> {
    settings: &'a Settings,
    ended: Ended<'a>,
    clock: SharedClock,
}

/// A message with the channel that it goes to.
struct Letter<'a> {
    channel: &'a NotifySettings,
    message: Message,
}

impl<'a> AfterSync<'a> {
    fn run(&self, streams: &Streams<'_>) -> Result<(), Failure> {
        let reader = store::open_read_only(&self.settings.store.value).ok();
        let read = match (&reader, &self.ended) {
            (Some(reader), Ended::Stored(summary)) => {
                let watched = Watched { is_one_of_many: true, ..Watched::default() };
                Listener::begin()?.attend(reader, watched, |stop| self.read((reader, stop), summary, streams))?
            }
            _ => Read::default(),
        };
        let failed = match &reader {
            Some(reader) => {
                let since = Timestamp(self.clock.wall().0 - AGAIN_DAYS * DAY_US);
                store::failed_notices(reader, since, ATTEMPTS_MAX, AGAIN_MAX)?
            }
            None => Vec::new(),
        };
        drop(reader);
        for Judged { alert, found, .. } in &read.judged {
            report_alert(&alert.name, found.as_ref().map(|found| &found.news), streams);
        }
        let new = self.letters(&read);
        let again: Vec<Letter<'_>> = failed.iter().filter_map(|notice| self.again(notice)).collect();
        let is_written = self.begin(&read, &new, &again, &failed)?;
        let letters: Vec<Letter<'_>> = new.into_iter().chain(again).collect();
        if letters.is_empty() {
            return Ok(());
        }
        let ended = self.send(letters, read.dashboard, streams)?;
        if is_written {
            store::end_notices(
                &self.settings.store.value,
                self.clock.wall(),
                &upkeep_settings(&waiting(self.settings)),
                &ended,
            )?;
        }
        Ok(())
    }

    fn read(
        &self,
        (reader, stop): (&Reader, &Stop),
        summary: &Summary,
        streams: &Streams<'_>,
    ) -> Result<Read<'a>, Failure> {
        // A condition reads the store and nothing else.
        reader.execute_batch(CLOSED)?;
        let moment = moment(reader)?;
        let Some(run_id) = summary.run_id else { return Ok(Read::default()) };
        let run = AfterRun { run_id, at: moment.newest };
        let reports = reports(self.settings, streams);
        let is_of_run = |first_seen: Timestamp| first_seen >= summary.started_at;
        let drift = store::known_drift(reader)?.into_iter().filter(|drift| !drift.is_acknowledged);
        let quarantined = store::quarantined(reader)?.into_iter();
        let before = store::last_runs(reader, 2)?.get(1).map(|run| run.started_at);
        let is_due = |expiry: &&Expiry| is_due(expiry.at, before, summary.started_at);
        let wants_digest = self.settings.notify.iter().any(|channel| channel.digest);
        Ok(Read {
            judged: judge(self.settings, &reports, (reader, stop), (moment, run))?,
            drift: drift.filter(|drift| is_of_run(drift.first_seen)).collect(),
            quarantined: quarantined.filter(|record| is_of_run(record.first_seen)).collect(),
            expiring: summary.expiring.iter().filter(is_due).cloned().collect(),
            digest: if wants_digest { digest(&reports, reader, self.settings.get(TIMEZONE))? } else { Vec::new() },
            dashboard: if wants_digest { Some(dashboard::bytes(reader, self.settings)?) } else { None },
        })
    }

    fn letters(&self, read: &Read<'_>) -> Vec<Letter<'a>> {
        let known = Known {
            ended: &self.ended,
            store: self.settings.store.value.display().to_string(),
            now: self.clock.wall(),
            judged: &read.judged,
            drift: &read.drift,
            quarantined: &read.quarantined,
            expiring: &read.expiring,
            digest: &read.digest,
        };
        let channels = self.settings.notify.iter();
        channels.filter_map(|channel| Some(Letter { message: message(&known, channel)?, channel })).collect()
    }

    /// A message that failed before, where its channel is still there.
    fn again(&self, notice: &Notice) -> Option<Letter<'a>> {
        let channel = self.settings.notify.iter().find(|channel| channel.name == notice.channel)?;
        Some(Letter { channel, message: serde_json::from_str(&notice.message).ok()? })
    }

    /// Writes down what alerts found and what is about to be sent. False where a run that stored nothing cannot write
    /// either: then the message is sent all the same, since no later run sends it.
    fn begin(
        &self,
        read: &Read<'_>,
        new: &[Letter<'_>],
        again: &[Letter<'_>],
        failed: &[Notice],
    ) -> Result<bool, Failure> {
        let news: Vec<&News> =
            read.judged.iter().filter_map(|judged| Some(&judged.found.as_ref().ok()?.news)).collect();
        let fired: Vec<_> = news.iter().flat_map(|news| news.fired.iter().cloned()).collect();
        let (run_id, at) = (self.ended.run_id(), self.clock.wall());
        let over: Vec<_> = match &self.ended {
            Ended::Stored(summary) => {
                let of_run = |episode: &store::Episode| {
                    (episode.clone(), summary.run_id.unwrap_or_default(), summary.started_at)
                };
                news.iter().flat_map(|news| news.over.iter().map(of_run)).collect()
            }
            Ended::Failed { .. } => Vec::new(),
        };
        let notice = |letter: &Letter<'_>| Notice {
            notice: letter.message.id.clone(),
            channel: letter.channel.name.clone(),
            run_id,
            at,
            title: letter.message.title.clone(),
            message: serde_json::to_string(&letter.message).unwrap_or_default(),
            state: "sending".to_owned(),
            attempts: 1,
            error: None,
        };
        let new: Vec<Notice> = new.iter().map(notice).collect();
        let is_again = |notice: &&Notice| {
            again.iter().any(|letter| letter.channel.name == notice.channel && letter.message.id == notice.notice)
        };
        let again: Vec<Notice> = failed.iter().filter(is_again).cloned().collect();
        if fired.is_empty() && over.is_empty() && new.is_empty() && again.is_empty() {
            return Ok(true);
        }
        let begun = Begun { fired: &fired, over: &over, new: &new, again: &again };
        let written =
            store::begin_notices(&self.settings.store.value, at, &upkeep_settings(&waiting(self.settings)), &begun);
        match (written, &self.ended) {
            (Ok(()), _) => Ok(true),
            (Err(_), Ended::Failed { .. }) => Ok(false),
            (Err(error), Ended::Stored(_)) => Err(error.into()),
        }
    }

    /// Sends all letters at the same time, and reports what became of each.
    fn send(
        &self,
        letters: Vec<Letter<'_>>,
        dashboard: Option<Vec<u8>>,
        streams: &Streams<'_>,
    ) -> Result<Vec<store::Ended>, Failure> {
        let page = dashboard.map(|bytes| Attachment {
            name: "dashboard.html".to_owned(),
            media_type: "text/html; charset=utf-8".to_owned(),
            bytes,
        });
        let page = Arc::new(page);
        let sent = runtime::runtime()?.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for Letter { channel, message } in letters {
                let (name, id) = (channel.name.clone(), message.id.clone());
                let has_page = channel.digest && !message.digest.is_empty();
                let (page, clock, to) = (Arc::clone(&page), Arc::clone(&self.clock), super::channels::channel(channel));
                tasks.spawn(async move {
                    let attached = page.as_slice().iter().filter(|_| has_page).cloned().collect::<Vec<_>>();
                    (name, id, deliver(to, &message, &attached, &clock).await)
                });
            }
            tasks.join_all().await
        });
        let ended = |(channel, notice, delivery): (String, String, Delivery)| {
            let (state, error) = match delivery {
                Delivery::Sent => ("sent", None),
                Delivery::Failed { why } => ("failed", Some(why)),
                Delivery::Unknown { why } => ("unknown", Some(why)),
            };
            match &error {
                None => streams.remark(&format!("a message was sent to {channel}")),
                Some(why) => streams.remark(&format!("warning: the message to {channel} is {state}: {why}")),
            }
            let error = error.map(|why| why.chars().take(ERROR_CHARS_MAX).collect());
            store::Ended { notice, channel, state, error }
        };
        Ok(sent.into_iter().map(ended).collect())
    }
}

async fn deliver(
    to: Result<Channel, String>,
    message: &Message,
    attached: &[Attachment],
    clock: &SharedClock,
) -> Delivery {
    match to {
        Ok(channel) => notify::deliver(&channel, message, attached, &notify::Limits::default(), clock).await,
        Err(why) => Delivery::Failed { why },
    }
}

fn report_alert(name: &str, found: Result<&News, &Failure>, streams: &Streams<'_>) {
    match found {
        Err(fault) => {
            streams.remark(&fault.after(&format!("warning: the alert {name} could not be judged")));
        }
        Ok(news) => {
            let subjects = |episodes: &[store::Episode]| {
                episodes.iter().map(|episode| episode.subject.as_str()).collect::<Vec<_>>().join("; ")
            };
            let rows = |episodes: &[store::Episode]| counted(episodes.len() as u64, "row");
            if !news.fired.is_empty() {
                streams.remark(&format!("alert {name} fires for {}: {}", rows(&news.fired), subjects(&news.fired)));
            }
            if !news.over.is_empty() {
                streams.remark(&format!("alert {name} is over for {}: {}", rows(&news.over), subjects(&news.over)));
            }
        }
    }
}

/// The sentences of the morning's report.
fn digest(reports: &Reports, reader: &Reader, zone: TimeZone) -> Result<Vec<String>, Failure> {
    let result = Session::begin(reader, zone)?.run(reports.find(DIGEST)?, &Request::default(), moment(reader)?)?;
    let texts = result.batches.iter().flat_map(|batch| {
        let column = batch.column(0);
        (0..batch.num_rows()).filter_map(|row| arrow::util::display::array_value_to_string(column, row).ok())
    });
    Ok(texts.collect())
}
