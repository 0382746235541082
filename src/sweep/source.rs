//! Where a sweep's pages come from: the seam between deciding and asking. The real source turns a page
//! request into one signed call; a model may stand in its place.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use super::envelope::{Envelope, Page};
use super::pass::{PageFacts, PageRequest, Shape};
use crate::catalog::spec::{Endpoint, PagingKind, PagingPlace, Scope};
use crate::cloud::client::{Attempt, Call, Client};
use crate::cloud::error::Error;

/// A page, or why there is none, and what it took.
pub struct Fetched {
    pub result: Result<(Page, PageFacts), Error>,
    pub traffic: Traffic,
}

/// What requests cost.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    pub attempts: Vec<Attempt>,
    /// Requests beyond the first for the same page.
    pub retries: u64,
    /// Answers that said "too many requests".
    pub throttled: u64,
    /// Time spent waiting for the pace and between retries.
    pub waited_ms: u64,
    pub bytes: u64,
}

impl Traffic {
    pub fn add(&mut self, other: Traffic) {
        self.attempts.extend(other.attempts);
        self.retries += other.retries;
        self.throttled += other.throttled;
        self.waited_ms += other.waited_ms;
        self.bytes += other.bytes;
    }

    pub fn requests(&self) -> u64 {
        self.attempts.len() as u64
    }
}

pub trait PageSource: Send + Sync + 'static {
    fn shape(&self) -> Shape;
    fn fetch(&self, request: PageRequest) -> impl Future<Output = Fetched> + Send;
}

/// Pages of one list in one scope, from the cloud.
pub struct CloudSource {
    client: Arc<Client>,
    endpoint: Arc<Endpoint>,
    envelope: Envelope,
    scope: Scope,
    /// The IAM project that the credentials act in.
    iam_project: Option<String>,
}

impl CloudSource {
    pub fn new(client: Arc<Client>, endpoint: Arc<Endpoint>, scope: Scope, iam_project: Option<String>) -> Self {
        Self { client, envelope: Envelope::new(&endpoint), endpoint, scope, iam_project }
    }

    fn call(&self, request: PageRequest) -> Call {
        let endpoint = &self.endpoint;
        let position = match endpoint.paging.kind {
            PagingKind::Offset | PagingKind::OffsetMultiple => request.offset,
            PagingKind::Page => request.offset / u64::from(request.limit) + 1,
        };
        let filled = |text: &str| text.replace("{project_id}", &self.scope.project);
        let mut query = Vec::new();
        let mut body = serde_json::Map::new();
        for (name, value) in &endpoint.body {
            body.insert(name.clone(), filled(value).into());
        }
        match endpoint.paging.place {
            PagingPlace::Query => {
                query.push((endpoint.paging.position.clone(), position.to_string()));
                query.push((endpoint.paging.size.clone(), request.limit.to_string()));
            }
            PagingPlace::Body => {
                body.insert(endpoint.paging.position.clone(), position.into());
                body.insert(endpoint.paging.size.clone(), request.limit.into());
            }
        }
        if let (Some(fixed), Some(value)) = (&endpoint.fixed, &self.scope.fixed) {
            query.push((fixed.param.clone(), value.clone()));
        }
        Call {
            service: endpoint.service,
            region: self.scope.region.clone(),
            method: endpoint.method,
            path: filled(&endpoint.path),
            query,
            body: (!body.is_empty()).then(|| Bytes::from(serde_json::Value::Object(body).to_string())),
            project_id: self.iam_project.clone(),
            permission: endpoint.permission.clone(),
        }
    }
}

impl PageSource for CloudSource {
    fn shape(&self) -> Shape {
        let paging = &self.endpoint.paging;
        let (order_columns, has_updated) = self.envelope.order_columns();
        Shape {
            limit: paging.limit,
            overlap: paging.kind == PagingKind::Offset,
            pages_max: paging.pages_max,
            order_columns,
            has_updated,
        }
    }

    async fn fetch(&self, request: PageRequest) -> Fetched {
        let sent = self.client.send(&self.call(request), |body| self.envelope.read(body)).await;
        let traffic = Traffic {
            retries: sent.attempts.iter().filter(|attempt| attempt.attempt > 1).count() as u64,
            throttled: u64::from(sent.throttled),
            waited_ms: sent.waited.as_millis() as u64,
            bytes: sent.attempts.iter().map(|a| a.bytes).sum(),
            attempts: sent.attempts,
        };
        let request_id = traffic.attempts.last().and_then(|attempt| attempt.request_id.clone());
        let result = sent.result.map(|(page, facts)| (page.named(request.offset, request_id), facts));
        Fetched { result, traffic }
    }
}
