//! Changes that a person makes to a store: a run's date, records in quarantine, drift. It asks nothing of the cloud.

use super::error::{Error, require_set};
use super::request::{self, Request};
use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::store::{self, Quarantined};

/// Changes the time of a run `to` another, and returns the old one.
pub(crate) fn redate(
    settings: &Settings,
    catalog: &Catalog,
    run_id: i64,
    to: Timestamp,
    clock: &SharedClock,
) -> Result<Timestamp, Error> {
    require_set(clock.wall())?;
    let path = &settings.store.value;
    // Fails where there is no store.
    drop(store::open_read_only(path)?);
    let request =
        Request { settings: settings.clone(), only: Vec::new(), allow_gone: false, max_time: None, is_demo: false };
    let settings = request::store_settings(&request);
    Ok(store::redate(path, run_id, to, clock.wall(), catalog.endpoints(), &settings)?)
}

/// Dismisses records in quarantine: they are not reported again as long as their content is the same.
pub(crate) fn dismiss(request: &Request, records: &[Quarantined], clock: &SharedClock) -> Result<(), Error> {
    let settings = request::store_settings(request);
    Ok(store::dismiss(&request.settings.store.value, clock.wall(), &settings, records)?)
}

/// Acknowledges drift of a table: runs warn of it again only when it changes.
pub(crate) fn acknowledge(
    request: &Request,
    table: &str,
    members: &[String],
    clock: &SharedClock,
) -> Result<(), Error> {
    let settings = request::store_settings(request);
    Ok(store::acknowledge(&request.settings.store.value, clock.wall(), &settings, table, members)?)
}
