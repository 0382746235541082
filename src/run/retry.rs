//! A run that asks nothing: records in quarantine are decoded anew, and those that can be read now are stored as
//! a sweep's would be. What was not in the newest listing is left alone, since it may be gone.

use std::collections::BTreeMap;

use super::{Error, Request, record, require_set};
use crate::catalog::Catalog;
use crate::catalog::spec::{Endpoint, Scope};
use crate::clock::{SharedClock, Timestamp};
use crate::normalize::{DecodeSettings, Decoded, Decoder};
use crate::store::{self, Night, NotShown, Quarantined, RunRecord, SweepRecord, Verdict};

/// What the ledger gives as the sweep's reason.
const PROOF: &str = "records from quarantine, decoded again";

/// What a retry came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retried {
    /// Ids of records that are stored now.
    pub stored: Vec<String>,
    /// Ids of those that still cannot be read, each with its reason.
    pub unread: Vec<(String, String)>,
    /// Ids of those that the newest listing did not show.
    pub unlisted: Vec<String>,
    /// `None` where nothing was stored.
    pub run_id: Option<i64>,
}

/// The readable records of one list.
struct Readable {
    scope: Scope,
    table: String,
    decoded: Decoded,
}

/// Decodes what waits in quarantine and stores what can be read now.
pub fn retry(request: &Request, catalog: &Catalog, clock: &SharedClock) -> Result<Retried, Error> {
    let started_at = clock.wall();
    require_set(started_at)?;
    let path = &request.settings.store.value;
    // A retry makes no store where there is none.
    drop(store::open_read_only(path)?);
    let night = Night::open(path, catalog.endpoints(), &|| clock.wall(), &record::store_settings(request))?;
    let waiting = night.quarantined()?;
    let decode = DecodeSettings { codearts_offset_s: request.settings.codearts_offset_s };
    let (mut retried, readable) = sorted(waiting, catalog, decode, started_at);
    if readable.is_empty() {
        return Ok(retried);
    }
    retried.run_id = Some(night.run_id());
    commit(night, readable, request, started_at, clock)?;
    Ok(retried)
}

fn sorted(
    waiting: Vec<Quarantined>,
    catalog: &Catalog,
    settings: DecodeSettings,
    now: Timestamp,
) -> (Retried, Vec<Readable>) {
    let mut retried = Retried::default();
    let mut lists: BTreeMap<(String, String), Vec<Quarantined>> = BTreeMap::new();
    for record in waiting {
        if record.raw.contains(char::REPLACEMENT_CHARACTER) {
            // A text that was mended is not what came.
            retried.unread.push((record.id, record.reason));
        } else if record.is_listed {
            lists.entry((record.table.clone(), record.scope.clone())).or_default().push(record);
        } else {
            retried.unlisted.push(record.id);
        }
    }
    let mut readable = Vec::new();
    for ((table, scope), records) in lists {
        let Some(endpoint) = catalog.get(&table) else {
            let reason = "the catalog has no such table any more";
            retried.unread.extend(records.into_iter().map(|r| (r.id, reason.to_owned())));
            continue;
        };
        let decoded = again(endpoint, settings, &records, now);
        retried.unread.extend(decoded.bad.iter().map(|bad| (records[bad.index].id.clone(), bad.reason.clone())));
        retried.stored.extend(decoded.good.iter().map(|index| records[*index as usize].id.clone()));
        if !decoded.good.is_empty() {
            readable.push(Readable { scope: scope_of(&scope), table, decoded });
        }
    }
    (retried, readable)
}

fn again(endpoint: &Endpoint, settings: DecodeSettings, records: &[Quarantined], now: Timestamp) -> Decoded {
    let texts: Vec<&str> = records.iter().map(|record| record.raw.as_str()).collect();
    Decoder::new(endpoint, settings).decode(&texts, now)
}

fn commit(
    mut night: Night,
    lists: Vec<Readable>,
    request: &Request,
    started_at: Timestamp,
    clock: &SharedClock,
) -> Result<(), Error> {
    let mut sweeps = Vec::new();
    for list in lists {
        let sweep = night.begin_sweep(&list.table, &list.scope)?;
        night.stage(sweep, &list.decoded.batch, 0)?;
        sweeps.push(SweepRecord {
            sweep,
            started_at,
            ended_at: clock.wall(),
            verdict: Verdict::Unproved,
            proof: Some(PROOF.to_owned()),
            not_shown: NotShown::StayOpen,
            reported_total_first: None,
            reported_total_last: None,
            rows_read: list.decoded.good.len() as u64,
            duplicates: 0,
            quarantined: 0,
            pages: 0,
            requests: 0,
            retries: 0,
            throttled: 0,
            waited_ms: 0,
            bytes: 0,
            error: None,
        });
    }
    let run = RunRecord {
        ended_at: clock.wall(),
        outcome: store::Outcome::Complete,
        settings_hash: request.settings.hash(),
        owed: record::owed(&request.settings),
    };
    night.commit(&run, &sweeps, &[], &[], &[])?;
    Ok(())
}

/// A scope from the ledger's text of it.
fn scope_of(text: &str) -> Scope {
    let mut parts = text.splitn(3, '/').map(str::to_owned);
    let (region, project) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    Scope { region, project, fixed: parts.next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_back_as_it_was_written() {
        for (project, fixed) in [("p", None), ("p", Some("createServer")), ("", None), ("", Some("a/b"))] {
            let scope = Scope { region: "r".into(), project: project.into(), fixed: fixed.map(str::to_owned) };
            assert_eq!(scope_of(&scope.to_string()), scope);
        }
    }
}
