//! Times whose zone stands in another column of the same record: they are read when the whole record is. It knows nothing
//! of JSON.

use super::columns::Column;
use super::fault::{Fault, JsonPath, Located, PathStep, Shown};
use super::scalars::FutureCounter;
use crate::base::time_zone::TimeZone;
use crate::catalog::spec::{self, Endpoint};

/// The columns of one list's times without a zone.
pub(super) struct ZoneColumns {
    pairs: Vec<Pair>,
    /// The zone that was read last, by its name: neighbours usually share it.
    last: Option<(String, TimeZone)>,
}

/// The positions and names of a time and of its zone.
struct Pair {
    time: (usize, String),
    zone: (usize, String),
}

impl ZoneColumns {
    pub(super) fn of(endpoint: &Endpoint) -> ZoneColumns {
        let position = |name: &str| endpoint.columns.iter().position(|column| column.name == name);
        let pair = |(index, column): (usize, &spec::Column)| {
            let zone = column.zone_column.as_deref()?;
            Some(Pair { time: (index, column.name.clone()), zone: (position(zone)?, zone.to_owned()) })
        };
        ZoneColumns { pairs: endpoint.columns.iter().enumerate().filter_map(pair).collect(), last: None }
    }

    /// Reads the times of a row that wait for their zone.
    pub(super) fn settle(
        &mut self,
        columns: &mut [Column],
        row: usize,
        future: &mut FutureCounter,
    ) -> Result<(), Located> {
        for Pair { time, zone } in &self.pairs {
            let Column::Time(column) = &columns[time.0] else { continue };
            let Some(text) = column.waiting() else { continue };
            let located = |fault| Located { place: JsonPath::of(PathStep::Member(time.1.clone())), fault };
            let named = (!columns[zone.0].is_null(row)).then(|| columns[zone.0].key_text(row)).flatten();
            let Some(named) = named.filter(|named| !named.trim().is_empty()) else {
                return Err(located(Fault::NoZone(Shown::text(text), zone.1.clone())));
            };
            let found = match &self.last {
                Some((name, found)) if *name == named => *found,
                _ => named
                    .parse()
                    .map_err(|_| located(Fault::UnknownZone(Shown::text(text), zone.1.clone(), Shown::text(&named))))?,
            };
            self.last = Some((named.into_owned(), found));
            if let Column::Time(column) = &mut columns[time.0] {
                column.settle(found, future).map_err(located)?;
            }
        }
        Ok(())
    }
}
