//! Changes to a store beside its runs: a run's date, how much history stays, the size of the file, records in
//! quarantine, drift. It asks nothing of the cloud.

use super::archiver::archive_folder;
use super::error::{Error, require_set};
use super::request::{self, Request};
use crate::archive::{self, Archive};
use crate::base::clock::{SharedClock, Timestamp};
use crate::base::retention::Retention;
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::store::{self, Compacted, Pruned, Quarantined};

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
    let of_store = request::upkeep_settings(settings);
    let was = store::redate(path, run_id, to, clock.wall(), catalog.endpoints(), &of_store)?;
    match Archive::open(&archive_folder(settings)) {
        Ok(archive) => archive.redate(run_id, was, to)?,
        Err(archive::Error::Missing { .. } | archive::Error::NoMark { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(was)
}

/// Removes what `retention` does not keep, or with `is_trial` says what that would be.
pub(crate) fn prune(
    settings: &Settings,
    catalog: &Catalog,
    retention: &Retention,
    clock: &SharedClock,
    is_trial: bool,
) -> Result<Pruned, Error> {
    require_set(clock.wall())?;
    let path = &settings.store.value;
    // Fails where there is no store.
    drop(store::open_read_only(path)?);
    let of_store = request::upkeep_settings(settings);
    Ok(store::prune(path, retention, clock.wall(), catalog.endpoints(), &of_store, is_trial)?)
}

/// Gives the free space of the store's file back.
pub(crate) fn compact(settings: &Settings, clock: &SharedClock) -> Result<Compacted, Error> {
    require_set(clock.wall())?;
    Ok(store::compact(&settings.store.value, clock.wall(), &request::upkeep_settings(settings))?)
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
