//! Where a sweep's pages come from: the interface between decisions and requests. The real source sends one
//! signed call for each page; a test may use a model. It knows nothing of what pages prove.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use super::body::Page;
use super::envelope::Envelope;
use super::list_request::ListRequest;
use super::page::{PageFacts, PageRequest, PagingShape};
use super::page_budget::{ListBudget, PageBudget};
use crate::cloud::error::Error;
use crate::cloud::{Abandoned, Attempt, Client};

/// A page or an error, and the requests that were made for it.
pub struct Fetched {
    /// The page and what it shows, or why there is none.
    pub result: Result<(Page, PageFacts), Error>,
    /// Counted for failed fetches too.
    pub traffic: Traffic,
}

/// Counts of requests.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    pub(crate) attempts: Vec<Attempt>,
    /// Requests beyond the first for the same page.
    pub(crate) retries: u64,
    /// Answers that said "too many requests".
    pub(crate) throttled: u64,
    /// Time spent waiting for the rate limit and between retries.
    pub(crate) waited_ms: u64,
    pub(crate) bytes: u64,
}

impl Traffic {
    fn of(attempts: Vec<Attempt>) -> Traffic {
        Traffic {
            retries: attempts.iter().filter(|attempt| attempt.attempt > 1).count() as u64,
            bytes: attempts.iter().map(|attempt| attempt.bytes).sum(),
            attempts,
            ..Traffic::default()
        }
    }

    pub(crate) fn add(&mut self, other: Traffic) {
        self.attempts.extend(other.attempts);
        self.retries += other.retries;
        self.throttled += other.throttled;
        self.waited_ms += other.waited_ms;
        self.bytes += other.bytes;
    }

    pub(crate) fn requests(&self) -> u64 {
        self.attempts.len() as u64
    }
}

/// Gives the pages of one list in one scope.
pub trait PageSource: Send + Sync + 'static {
    /// How the list is paged.
    fn shape(&self) -> PagingShape;
    /// Asks for one page, with retries.
    fn fetch(&self, request: PageRequest) -> impl Future<Output = Fetched> + Send;
    /// The pieces in which the list can be asked for, each with its name. Each record is in one of them.
    fn pieces(&self) -> Vec<(String, Self)>
    where
        Self: Sized,
    {
        Vec::new()
    }
    /// Counts of fetches that were dropped before their end, each reported once.
    fn dropped(&self) -> Traffic {
        Traffic::default()
    }
}

/// Pages of one list in one scope, from the cloud.
#[derive(Clone)]
pub(crate) struct CloudSource {
    client: Arc<Client>,
    request: ListRequest,
    envelope: Envelope,
    budget: Option<Arc<ListBudget>>,
    abandoned: Abandoned,
}

impl CloudSource {
    pub(crate) fn new(client: Arc<Client>, request: ListRequest) -> Self {
        let envelope = Envelope::new(&request.endpoint).with_given(&request.given);
        Self { client, request, envelope, budget: None, abandoned: Abandoned::default() }
    }

    /// Limits the memory of its pages by a run's budget.
    pub(crate) fn within(self, budget: &Arc<PageBudget>) -> Self {
        Self { budget: Some(ListBudget::of(budget)), ..self }
    }

    /// Adds hashes of the contents of records that are known to have no key.
    pub(crate) fn with_known_keyless(self, keyless: Arc<HashSet<u64>>) -> Self {
        Self { envelope: self.envelope.with_known_keyless(keyless), ..self }
    }
}

impl PageSource for CloudSource {
    fn shape(&self) -> PagingShape {
        self.request.shape(self.envelope.order_columns())
    }

    async fn fetch(&self, request: PageRequest) -> Fetched {
        let reservation = match &self.budget {
            Some(budget) => Some(budget.reserve().await),
            None => None,
        };
        let sent = self
            .client
            .send_noting(&self.request.call(&request), &self.abandoned, |reply| self.envelope.read(reply))
            .await;
        let traffic = Traffic {
            throttled: u64::from(sent.throttled),
            waited_ms: sent.waited.as_millis() as u64,
            ..Traffic::of(sent.attempts)
        };
        let request_id = traffic.attempts.last().and_then(|attempt| attempt.request_id.clone());
        let result = sent.result.map(|(page, facts)| {
            let page = page.named(request.offset, request_id);
            let page = match reservation {
                Some(reservation) => page.with_reservation(reservation),
                None => page,
            };
            (page, facts)
        });
        Fetched { result, traffic }
    }

    fn pieces(&self) -> Vec<(String, CloudSource)> {
        let of = |request: ListRequest| Self { request, ..self.clone() };
        self.request.pieces().into_iter().map(|(name, request)| (name, of(request))).collect()
    }

    fn dropped(&self) -> Traffic {
        let attempts = self.abandoned.take();
        let throttled = attempts.iter().filter(|attempt| attempt.status == Some(429)).count() as u64;
        Traffic { throttled, ..Traffic::of(attempts) }
    }
}
