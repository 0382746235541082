//! What decoding the records of lists has found besides good rows, as rows of the ledger: quarantine and drift. It stores
//! nothing.

use std::collections::BTreeMap;

use super::drift::{Unknown, UnknownMembers};
use super::intake::BadRecord;
use crate::base::privacy::Personal;
use crate::catalog::spec::Endpoint;
use crate::store::{self, DriftKind, DriftRecord, QuarantineRecord, StagedRun, SweepId};

/// What was found in one list.
pub(super) struct Findings<'a> {
    pub sweep: SweepId,
    pub table: &'a str,
    pub rows_read: u64,
    pub bad: &'a [BadRecord],
    pub bad_count: u64,
    pub unknown: &'a UnknownMembers,
    /// Members that no record has any more but most open records have, with the number of these.
    pub vanished: &'a [(String, u64)],
}

/// Those members of `missing`, which no record has, that most of the open records have, with the number of these.
pub(super) fn vanished(
    staged: &StagedRun,
    sweep: SweepId,
    missing: &[String],
    open_records: u64,
) -> Result<Vec<(String, u64)>, store::Error> {
    let held = staged.members_held(sweep, missing)?;
    Ok(held.into_iter().filter(|(_, records)| *records * 2 > open_records).collect())
}

/// Those of the columns that nothing but the service can have emptied.
pub(super) fn still_kept(endpoint: &Endpoint, columns: Vec<String>) -> Vec<String> {
    let is_dropped =
        |name: &String| endpoint.column(name).is_some_and(|column| endpoint.done_with(column) == Personal::Drop);
    columns.into_iter().filter(|name| !is_dropped(name)).collect()
}

impl<'a> Findings<'a> {
    /// The member that makes every record bad, where all are bad.
    pub(super) fn changed_member(&self) -> Option<&'a str> {
        let member = |bad: &BadRecord| bad.reason.split_once(": ").map(|(place, _)| place.len());
        let first = self.bad.first().filter(|_| self.bad_count == self.rows_read)?;
        let name = &first.reason[..member(first)?];
        let all_alike = self.bad.iter().all(|bad| member(bad).is_some_and(|end| &bad.reason[..end] == name));
        (all_alike && !name.contains(' ')).then_some(name)
    }

    /// Declared members that the list's records no longer have, or have with another type.
    fn drift(&self) -> Vec<DriftRecord> {
        let record = |kind, field: &str, count, sample| DriftRecord {
            table: self.table.to_owned(),
            kind,
            field: field.to_owned(),
            count,
            sample,
            form: None,
        };
        let vanished = self.vanished.iter().map(|(field, count)| record(DriftKind::Vanished, field, *count, None));
        let sample = self.bad.first().map(|bad| bad.reason.clone());
        let changed = self.changed_member().map(|field| record(DriftKind::Type, field, self.bad_count, sample));
        vanished.chain(changed).collect()
    }

    fn quarantine(&self) -> Vec<QuarantineRecord> {
        let record = |bad: &BadRecord| QuarantineRecord {
            sweep: self.sweep,
            key: bad.key.clone(),
            reason: bad.reason.clone(),
            raw: bad.raw.clone(),
            page: Some(bad.page_offset),
            request_id: bad.request_id.clone(),
        };
        self.bad.iter().map(record).collect()
    }
}

/// The bad records of all lists.
pub(super) fn quarantine(lists: &[Findings<'_>]) -> Vec<QuarantineRecord> {
    lists.iter().flat_map(Findings::quarantine).collect()
}

/// The drift of all lists. The unknown members of a table's lists are bounded together.
pub(super) fn drift(lists: &[Findings<'_>]) -> Vec<DriftRecord> {
    let mut unknown: BTreeMap<&str, UnknownMembers> = BTreeMap::new();
    for list in lists {
        unknown.entry(list.table).or_default().extend(list.unknown);
    }
    let of_table = |(table, members): (&str, UnknownMembers)| {
        let record = |(field, unknown): (&String, &Unknown)| DriftRecord {
            table: table.to_owned(),
            kind: DriftKind::Unknown,
            field: field.clone(),
            count: unknown.count,
            sample: Some(unknown.sample.clone()).filter(|sample| !sample.is_empty()),
            form: unknown.form().map(str::to_owned),
        };
        members.iter().map(record).collect::<Vec<_>>()
    };
    unknown.into_iter().flat_map(of_table).chain(lists.iter().flat_map(Findings::drift)).collect()
}
