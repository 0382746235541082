//! Tries everything that a sync needs, one after another, and reports whether it works. It asks for the first page of each
//! list only, and changes nothing.

mod cloud;
mod local;
mod trial;

use super::plan;
pub(crate) use trial::{Finding, Mark, Trial};

/// Makes all trials, and reports each finding at once.
pub(crate) async fn check(trial: &Trial<'_>, report: &mut dyn FnMut(Finding)) {
    let settings = trial.settings;
    let endpoints = plan::select_in(trial.catalog, &[], &settings.scopes);
    let is_usable = !settings.scopes.is_empty();
    report(local::configuration(settings, endpoints.as_ref().err()));
    local::credentials(settings).into_iter().for_each(&mut *report);
    match endpoints {
        Ok(endpoints) if is_usable => cloud::check(trial, &endpoints, report).await,
        _ => report(Finding::new(Mark::Skipped, "host", "none is asked, since the configuration cannot be used")),
    }
    report(local::store(settings));
    report(local::disk(settings));
}
