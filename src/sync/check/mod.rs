//! Tries everything that a sync needs, one after another, and reports whether it works. It asks for the first page of each
//! list only, and changes nothing.

mod cloud;
mod local;
mod trial;

use super::switched::switched_on;
use super::{plan, privacy};
pub(crate) use trial::{Finding, Mark, Trial};

/// Makes all trials, and reports each finding at once.
pub(crate) async fn check(trial: &Trial<'_>, report: &mut dyn FnMut(Finding)) {
    let settings = trial.settings;
    let scopes = switched_on(trial.catalog, &[], &settings.scopes);
    let endpoints = plan::select(trial.catalog, &[]).and_then(|endpoints| {
        let scopes = scopes?;
        privacy::require_possible(&settings.privacy, trial.catalog, plan::wanted(&endpoints, &scopes))?;
        Ok((endpoints, scopes))
    });
    let is_usable = !settings.scopes.is_empty();
    report(local::configuration(settings, endpoints.as_ref().err()));
    local::credentials(settings).into_iter().for_each(&mut *report);
    match endpoints {
        Ok((endpoints, scopes)) if is_usable => cloud::check(trial, &scopes, &endpoints, report).await,
        _ => report(Finding::new(Mark::Skipped, "host", "none is asked, since the configuration cannot be used")),
    }
    report(local::store(settings));
    report(local::disk(settings));
}
