//! The first page of a list, as a sync would ask for it. A list that is read for each record of another table is asked for
//! one record of that table's first page; one that is read by time, for its newest span.

use std::sync::Arc;

use super::clients::Clients;
use super::parents;
use super::plan::ListPlan;
use super::round::can_be_asked;
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::reach::{Span, days, spans};
use crate::catalog::spec::{Endpoint, Given, Scope};
use crate::cloud::error::Error;
use crate::normalize::{DecodeSettings, Decoder};
use crate::sweep::{CloudSource, ListRequest, Page, PageFacts, PageRequest, PageSource};

/// What a first page is asked with.
pub(super) struct Asker<'a> {
    pub catalog: &'a Catalog,
    pub clients: &'a Clients,
    pub decode: DecodeSettings,
    pub now: Timestamp,
}

/// What became of the question.
pub(super) enum Answered {
    Page(Box<FirstPage>),
    /// A table above the list has no record that it could be asked for.
    NoParent(String),
    /// The list, or a table above it, could not be read.
    Failed {
        table: String,
        error: Error,
    },
}

/// A page, and the values that its request gave to each of its records.
pub(super) struct FirstPage {
    pub page: Page,
    pub facts: PageFacts,
    pub given: Given,
}

impl Asker<'_> {
    pub(super) async fn ask(&self, list: &ListPlan) -> Answered {
        let chain = self.chain(&list.endpoint);
        let mut given = Given::default();
        let mut answered = Answered::NoParent(list.endpoint.name.clone());
        for (at, endpoint) in chain.iter().enumerate() {
            let span = self.newest_span(endpoint);
            given.0.extend(day_of(endpoint, span));
            let (page, facts) = match self.page(endpoint, list, &given, span).await {
                Ok(read) => read,
                Err(error) => return Answered::Failed { table: endpoint.name.clone(), error },
            };
            let read = FirstPage { page, facts, given };
            given = match chain.get(at + 1) {
                Some(child) => match self.first_parent(endpoint, child, &read) {
                    Some(found) => found,
                    None => return Answered::NoParent(endpoint.name.clone()),
                },
                None => Given::default(),
            };
            answered = Answered::Page(Box::new(read));
        }
        answered
    }

    /// The list, and the tables above it; the uppermost first.
    fn chain(&self, endpoint: &Arc<Endpoint>) -> Vec<Arc<Endpoint>> {
        let mut chain = vec![Arc::clone(endpoint)];
        while let Some(parent) = chain[chain.len() - 1].parent.as_ref().and_then(|of| self.catalog.get(&of.table)) {
            chain.push(Arc::new(parent.clone()));
        }
        chain.reverse();
        chain
    }

    fn newest_span(&self, endpoint: &Endpoint) -> Option<Span> {
        let window = endpoint.window.as_ref()?;
        match window.day_column() {
            Some(_) => days(window, self.now.0).pop(),
            None => spans(window, self.now.0, None).pop(),
        }
    }

    async fn page(
        &self,
        endpoint: &Arc<Endpoint>,
        list: &ListPlan,
        given: &Given,
        span: Option<Span>,
    ) -> Result<(Page, PageFacts), Error> {
        let own = list.scope.fixed.clone().filter(|_| endpoint.name == list.endpoint.name);
        let fixed = own.or_else(|| endpoint.fixed.as_ref().and_then(|fixed| fixed.values.first().cloned()));
        let scope = Scope { fixed, ..list.scope.clone() };
        let client = self.clients.of(&list.profile);
        let request = ListRequest::new(Arc::clone(endpoint), scope, list.iam_project.clone())
            .with_given(given.clone())
            .with_span(span, self.decode.codearts_offset_s);
        let source = CloudSource::new(client, request);
        source.fetch(PageRequest { id: 0, offset: 0, marker: None, limit: source.shape().limit }).await.result
    }

    /// What the first record of a page that can be a parent gives to its children's requests.
    fn first_parent(&self, endpoint: &Endpoint, child: &Endpoint, read: &FirstPage) -> Option<Given> {
        let parent = child.parent.as_ref()?;
        let rows: Vec<&str> = (0..read.facts.rows.len() as u32).map(|index| read.page.row(index)).collect();
        let decoded = Decoder::new(endpoint, self.decode).with_given(endpoint, &read.given).decode(&rows, self.now);
        let found = parents::rows_of(&decoded.batch, parent).ok()?;
        let first = found.into_iter().find(|row| can_be_asked(child, parent, row))?;
        let names = parent.fill.iter().map(|filled| filled.name.clone());
        Some(Given(names.zip(first.values).collect()))
    }
}

/// The column of a list whose parts are days, with the day.
fn day_of(endpoint: &Endpoint, span: Option<Span>) -> Option<(String, String)> {
    let column = endpoint.window.as_ref()?.day_column()?;
    Some((column.to_owned(), parents::day(span?)?))
}
