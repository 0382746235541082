//! One night against a model of the cloud: the real rounds, sweeps, decoder and store, in one thread, without sockets.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::{Clock, Sleep, Timestamp};
use crate::catalog::Catalog;
use crate::catalog::services::built_in;
use crate::catalog::spec::{Endpoint, Scope};
use crate::cloud::error::Error;
use crate::config::ConfirmGone;
use crate::normalize::DecodeSettings;
use crate::store::{DeletionGuard, Outcome, Purpose, RunRecord, StagedRun, StoreSettings, Verdict};
use crate::sync::archiver::Archiver;
use crate::sync::context::Context;
use crate::sync::families::Families;
use crate::sync::list;
use crate::sync::pages::Pages;
use crate::sync::plan::ListPlan;
use crate::sync::writer::Writer;

/// Seconds east of UTC of the times that CodeArts writes without a zone.
pub(super) const CODEARTS_OFFSET_S: i32 = 28_800;

/// A model of the cloud, with a clock of its own.
pub(super) trait Nights: Pages {
    fn now(&self) -> Timestamp;
    /// The scopes in which a list is read.
    fn scopes(&self, _: &Endpoint) -> Vec<Scope> {
        vec![Scope { region: "r1".into(), project: "p1".into(), fixed: None }]
    }
}

/// The seeds that the environment asks for: `HCLAKE_SIM_SEED` is one, `HCLAKE_SIM_SEEDS` how many; otherwise so many.
pub(super) fn seeds(ordinary: u64) -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("HCLAKE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("HCLAKE_SIM_SEEDS").unwrap_or(ordinary),
    }
}

/// What a model's refusal with this status is to a sweep.
pub(super) fn refused(status: u16) -> Error {
    let service = built_in("workspace");
    Error::RedirectRefused { service, host: "model.invalid".into(), status, location: String::new() }
}

struct ModelClock<M>(M);

impl<M: Nights> Clock for ModelClock<M> {
    fn wall(&self) -> Timestamp {
        self.0.now()
    }

    fn mono(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

fn settings() -> StoreSettings {
    StoreSettings {
        lock_timeout: Duration::ZERO,
        wait: |_| panic!("nothing waits"),
        memory_limit_mb: 160,
        request_log_days: 30,
        deletion_guard: DeletionGuard::new(100),
        allow_gone: false,
        purpose: Purpose::Any,
    }
}

/// One night. Returns the lists that are not complete, and why.
pub(super) async fn night<M: Nights>(
    model: &M,
    catalog: &Catalog,
    store: &Path,
    confirm_gone: ConfirmGone,
) -> Vec<String> {
    let (path, endpoints) = (store.to_owned(), catalog.endpoints().to_vec());
    let started = model.now();
    let open = move || StagedRun::open(&path, &endpoints, &|| started, &settings());
    let writer = Arc::new(Writer::start("writer", open).await.unwrap());
    let context = Context {
        pages: model.clone(),
        writer: Arc::clone(&writer),
        archiver: Archiver::default(),
        clock: Arc::new(ModelClock(model.clone())),
        observer: Arc::new(()),
        decode: DecodeSettings { codearts_offset_s: CODEARTS_OFFSET_S },
        confirm_gone,
        max_bad_percent: 5,
        deadline: None,
    };
    let plans = |endpoint: &Endpoint| {
        let endpoint = Arc::new(endpoint.clone());
        let plan =
            |scope| ListPlan { endpoint: endpoint.clone(), scope, iam_project: None, profile: None, fault: None };
        model.scopes(&endpoint).into_iter().map(plan).collect::<Vec<_>>()
    };
    let plans: Vec<ListPlan> = catalog.endpoints().iter().flat_map(plans).collect();
    let lists = plans.len();
    let mut families = Families::of(plans);
    let mut outcomes = Vec::new();
    loop {
        let ready = families.ready();
        if ready.is_empty() {
            break;
        }
        for (index, list, family) in ready {
            let mut outcome = list::run(context.clone(), list, family).await.unwrap();
            families.ended(index, &mut outcome);
            outcomes.push(outcome);
        }
    }
    assert_eq!(outcomes.len(), lists);
    drop(context);
    let records: Vec<_> = outcomes.iter().map(|outcome| outcome.sweep_record()).collect();
    let incomplete = outcomes.iter().zip(&records).filter(|(_, record)| record.verdict != Verdict::Complete);
    let incomplete = incomplete
        .map(|(outcome, record)| {
            let bad = outcome.bad.first().map(|bad| bad.reason.clone());
            format!("{}: {:?} {:?} {bad:?}", outcome.plan.endpoint.name, record.proof, record.error)
        })
        .collect();
    let run = RunRecord {
        ended_at: started,
        outcome: Outcome::Complete,
        settings_hash: "s".into(),
        pending_publish: Vec::new(),
    };
    let writer = Arc::try_unwrap(writer).unwrap_or_else(|_| panic!("the lists have ended"));
    writer.finish(move |staged| staged.commit(&run, &records, &[], &[], &[])).await.unwrap();
    incomplete
}
