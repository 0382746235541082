//! The first page of a list, as a sync would ask for it. A list that is read for each record of another table is asked for
//! one record of that table's first page; one that is read by time, for its newest span.

use std::sync::Arc;

use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::reach::spans;
use crate::catalog::spec::{Endpoint, Given, Scope};
use crate::cloud::error::{Error, ErrorClass};
use crate::normalize::{DecodeSettings, Decoder};
use crate::sweep::{CloudSource, Page, PageFacts, PageRequest, PageSource};
use crate::sync::check::trial::{Finding, Mark};
use crate::sync::clients::Clients;
use crate::sync::parents;
use crate::sync::plan::ListPlan;
use crate::sync::round::can_be_asked;

/// What a first page is asked with.
pub(super) struct Asker<'a> {
    pub catalog: &'a Catalog,
    pub clients: &'a Clients,
    pub decode: DecodeSettings,
    pub now: Timestamp,
}

/// What became of the question.
pub(super) enum Answered {
    Page(Box<PageFacts>),
    /// A table above the list has no record that it could be asked for.
    NoParent(String),
    /// The list, or a table above it, could not be read.
    Failed {
        table: String,
        error: Error,
    },
}

impl Asker<'_> {
    pub(super) async fn ask(&self, list: &ListPlan) -> Answered {
        let chain = self.chain(&list.endpoint);
        let mut given = Given::default();
        let mut answered = Answered::NoParent(list.endpoint.name.clone());
        for (at, endpoint) in chain.iter().enumerate() {
            let (page, facts) = match self.page(endpoint, list, &given).await {
                Ok(read) => read,
                Err(error) => return Answered::Failed { table: endpoint.name.clone(), error },
            };
            if let Some(child) = chain.get(at + 1) {
                match self.first_parent(endpoint, child, &page, facts.rows.len(), &given) {
                    Some(found) => given = found,
                    None => return Answered::NoParent(endpoint.name.clone()),
                }
            }
            answered = Answered::Page(Box::new(facts));
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

    async fn page(&self, endpoint: &Arc<Endpoint>, list: &ListPlan, given: &Given) -> Result<(Page, PageFacts), Error> {
        let own = list.scope.fixed.clone().filter(|_| endpoint.name == list.endpoint.name);
        let fixed = own.or_else(|| endpoint.fixed.as_ref().and_then(|fixed| fixed.values.first().cloned()));
        let scope = Scope { fixed, ..list.scope.clone() };
        let span = endpoint.window.as_ref().and_then(|window| spans(window, self.now.0, None).pop());
        let client = self.clients.of(&list.profile);
        let source = CloudSource::new(client, Arc::clone(endpoint), scope, list.iam_project.clone())
            .with_given(given.clone())
            .with_span(span, self.decode.codearts_offset_s);
        source.fetch(PageRequest { id: 0, offset: 0, marker: None, limit: source.shape().limit }).await.result
    }

    /// What the first record of a page that can be a parent gives to its children's requests.
    fn first_parent(
        &self,
        endpoint: &Endpoint,
        child: &Endpoint,
        page: &Page,
        rows: usize,
        given: &Given,
    ) -> Option<Given> {
        let parent = child.parent.as_ref()?;
        let rows: Vec<&str> = (0..rows as u32).map(|index| page.row(index)).collect();
        let decoded = Decoder::new(endpoint, self.decode).with_given(endpoint, given).decode(&rows, self.now);
        let found = parents::rows_of(&decoded.batch, parent).ok()?;
        let first = found.into_iter().find(|row| can_be_asked(child, parent, row))?;
        let names = parent.fill.iter().map(|filled| filled.name.clone());
        Some(Given(names.zip(first.values).collect()))
    }
}

/// What a page of a list that is not switched on shows: whether this user may read it, and what is missing. It never
/// makes a check fail.
pub(super) fn of_list_that_is_off(endpoint: &Endpoint, answered: Answered) -> Finding {
    let skipped = |detail: String| Finding::new(Mark::Skipped, "list", format!("{detail}; not switched on"));
    match answered {
        Answered::Page(facts) => {
            let rows = facts.rows.len();
            let detail = format!("this user may read it ({rows} rows on the first page); not switched on");
            Finding::new(Mark::Ok, "list", detail)
        }
        Answered::NoParent(table) => skipped(format!("not asked, since {table} shows no record to ask for")),
        Answered::Failed { table, error } if error.class() == ErrorClass::Forbidden => {
            let whose = if table == endpoint.name { "it".to_owned() } else { format!("{table}, which it needs") };
            let own = endpoint.permission.as_ref().filter(|_| table == endpoint.name);
            let missing = own.map_or(String::new(), |permission| format!(": {permission} is missing"));
            skipped(format!("this user may not read {whose}{missing}")).hint(error.hint())
        }
        Answered::Failed { error, .. } => skipped(error.to_string()).hint(error.hint()),
    }
}
