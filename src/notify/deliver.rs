//! Delivers one message by one channel: attempts, and the waits between them. It knows nothing of what a channel does in
//! an attempt.

use std::time::Duration;

use super::attempt::{Attempt, Delivery};
use super::channel::{Attachment, Channel, Limits};
use super::command;
use super::message::Message;
use super::smtp::Mailer;
use super::webhook::Poster;
use crate::base::clock::SharedClock;

/// After the first attempt. It doubles with each further one.
const BACKOFF_BASE: Duration = Duration::from_secs(2);
/// A receiver that asks for a longer wait gets no further attempt.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Delivers the message, in several attempts where the first ones were certainly not taken. A command is run once.
pub async fn deliver(
    channel: &Channel,
    message: &Message,
    attachments: &[Attachment],
    limits: &Limits,
    clock: &SharedClock,
) -> Delivery {
    let sender = match channel {
        Channel::Command(command) => return delivery(command::run(command, message, limits.timeout).await),
        Channel::Webhook(webhook) => Poster::new(webhook, message, limits).map(Sender::Webhook),
        Channel::Email(email) => Mailer::new(email, message, attachments, limits).map(Sender::Email),
    };
    match sender {
        Ok(sender) => attempts(&sender, limits, clock).await,
        Err(why) => Delivery::Failed { why },
    }
}

/// All that an attempt needs, made once.
enum Sender<'a> {
    Webhook(Poster<'a>),
    Email(Mailer<'a>),
}

impl Sender<'_> {
    async fn attempt(&self, clock: &SharedClock) -> Attempt {
        match self {
            Sender::Webhook(poster) => poster.attempt(clock.wall()).await,
            Sender::Email(mailer) => mailer.attempt(clock).await,
        }
    }
}

async fn attempts(sender: &Sender<'_>, limits: &Limits, clock: &SharedClock) -> Delivery {
    let mut backoff = BACKOFF_BASE;
    for _ in 1..limits.attempts {
        match sender.attempt(clock).await {
            Attempt::Again { why, wait: Some(wait) } if wait > WAIT_MAX => {
                return Delivery::Failed { why: format!("{why}; it asks to wait {} s", wait.as_secs()) };
            }
            Attempt::Again { wait, .. } => clock.sleep(wait.unwrap_or(backoff)).await,
            end => return delivery(end),
        }
        backoff *= 2;
    }
    delivery(sender.attempt(clock).await.explained(|why| match limits.attempts {
        0 | 1 => why,
        attempts => format!("{why} (attempt {attempts} of {attempts})"),
    }))
}

fn delivery(last: Attempt) -> Delivery {
    match last {
        Attempt::Sent => Delivery::Sent,
        Attempt::Refused(why) | Attempt::Again { why, .. } => Delivery::Failed { why },
        Attempt::Unknown(why) => Delivery::Unknown { why },
    }
}
