//! What the lists of a run share: where pages come from, where rows go, the clock, and the settings of all. It decides
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use super::archiver::Archiver;
use super::event::Observer;
use super::writer::Writer;
use crate::base::clock::SharedClock;
use crate::config::ConfirmGone;
use crate::normalize::DecodeSettings;
use crate::store::{self, StagedRun};

/// The thread that writes the store.
pub(super) type StoreWriter = Writer<StagedRun, store::Error>;

/// What lists share.
#[derive(Clone)]
pub(super) struct Context<P> {
    pub pages: P,
    pub writer: Arc<StoreWriter>,
    pub archiver: Archiver,
    pub clock: SharedClock,
    pub observer: Arc<dyn Observer>,
    pub decode: DecodeSettings,
    pub confirm_gone: ConfirmGone,
    /// Share of unreadable records above which a listing is not complete.
    pub max_bad_percent: u8,
    /// When the run has to stop, by the clock's monotonic time.
    pub deadline: Option<Duration>,
}

impl<P> Context<P> {
    /// Whether nothing more may be begun.
    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.clock.mono() >= deadline)
    }
}
