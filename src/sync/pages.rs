//! Where the pages of a list's part come from: the cloud, or in a simulation a model of it.

use std::collections::HashSet;
use std::sync::Arc;

use super::clients::Clients;
use super::plan::ListPlan;
use crate::catalog::reach::Span;
use crate::catalog::spec::Given;
use crate::sweep::{CloudSource, ListRequest, PageBudget, PageSource};

/// Gives the source of a part's pages.
pub(super) trait Pages: Clone + Send + Sync + 'static {
    type Source: PageSource;

    /// The pages of the records of one parent, or of the whole list, in one span of time where it is asked for by time.
    /// `keyless` are hashes of the contents of records that are known to have no key.
    fn of(&self, plan: &ListPlan, given: &Given, span: Option<Span>, keyless: &Arc<HashSet<u64>>) -> Self::Source;
}

/// The cloud.
#[derive(Clone)]
pub(super) struct CloudPages {
    pub clients: Clients,
    pub room: Arc<PageBudget>,
    /// Seconds east of UTC of the times that CodeArts writes without a zone.
    pub codearts_offset_s: i32,
}

impl Pages for CloudPages {
    type Source = CloudSource;

    fn of(&self, plan: &ListPlan, given: &Given, span: Option<Span>, keyless: &Arc<HashSet<u64>>) -> CloudSource {
        let client = self.clients.of(&plan.profile);
        let request = ListRequest::new(Arc::clone(&plan.endpoint), plan.scope.clone(), plan.iam_project.clone())
            .with_given(given.clone())
            .with_span(span, self.codearts_offset_s);
        CloudSource::new(client, request).with_known_keyless(Arc::clone(keyless)).within(&self.room)
    }
}
