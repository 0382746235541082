//! Dates a run of the store again, by the settings of a run. It asks the cloud nothing.

use super::{Error, Request, record, require_set};
use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::store;

/// Dates a run `to` another time, and returns the one that it had.
pub fn redate(
    settings: &Settings,
    catalog: &Catalog,
    run_id: i64,
    to: Timestamp,
    clock: &SharedClock,
) -> Result<Timestamp, Error> {
    require_set(clock.wall())?;
    let path = &settings.store.value;
    // No store is made where there is none.
    drop(store::open_read_only(path)?);
    let request = Request { settings: settings.clone(), only: Vec::new(), allow_gone: false, is_demo: false };
    let settings = record::store_settings(&request);
    Ok(store::redate(path, run_id, to, clock.wall(), catalog.endpoints(), &settings)?)
}
