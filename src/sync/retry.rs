//! A run without requests: records in quarantine are decoded again, and those that can be read now are stored like those
//! of a sweep. A record that the newest listing did not show is left alone, since it may be gone; so is one that may be
//! older than the stored copy.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::error::{Error, require_set};
use super::intake::NOT_UTF8;
use super::privacy;
use super::request::{self, Request};
use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::Catalog;
use crate::catalog::reach::Reach;
use crate::catalog::spec::{Endpoint, Given, Scope};
use crate::config::settings::CODEARTS_ZONE;
use crate::normalize::{DecodeSettings, Decoded, Decoder, KeyReader, Redaction};
use crate::store::{self, NotShown, Quarantined, RunRecord, StagedRun, SweepRecord, Verdict};

/// The sweep's reason in the ledger.
const PROOF: &str = "records from quarantine, decoded again";

/// The result of a retry.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Retried {
    /// Ids of records that are stored now.
    pub stored: Vec<String>,
    /// Ids of records that still cannot be read, each with its reason.
    pub unread: Vec<(String, String)>,
    /// Ids of records that the newest listing did not show.
    pub unlisted: Vec<String>,
    /// Ids of records whose stored copy is newer, or may be.
    pub older: Vec<String>,
    /// `None` where nothing was stored.
    pub run_id: Option<i64>,
}

/// The readable records of one list.
struct Readable {
    scope: Scope,
    table: String,
    decoded: Decoded,
    /// Each row's record in quarantine.
    records: Vec<Quarantined>,
    /// Rows whose record had no good copy in a listing since: they are newer than what is stored.
    known_newer: Vec<u64>,
}

/// Decodes what waits in quarantine and stores what can be read now.
pub(crate) fn retry(request: &Request, catalog: &Catalog, clock: &SharedClock) -> Result<Retried, Error> {
    let started_at = clock.wall();
    require_set(started_at)?;
    let path = &request.settings.store.value;
    // Fails where there is no store, as opening a run would make one.
    let held = store::lists_held(&*store::open_read_only(path)?)?;
    privacy::require_possible(&request.settings.privacy, catalog, std::iter::empty())?;
    let lists: Vec<Endpoint> = catalog.endpoints().iter().filter(|list| held.contains(&list.name)).cloned().collect();
    let mut staged = StagedRun::open(path, &lists, &|| clock.wall(), &request::store_settings(request))?;
    let waiting = staged.quarantined()?;
    let decode = DecodeSettings { codearts_offset_s: request.settings.get(CODEARTS_ZONE).offset_s };
    let (mut retried, readable) = sorted(waiting, catalog, staged.refused(), decode, started_at);
    let mut sweeps = Vec::new();
    for list in readable {
        sweeps.extend(stage(&mut staged, list, started_at, clock, &mut retried)?);
    }
    if sweeps.is_empty() {
        return Ok(retried);
    }
    retried.run_id = Some(staged.run_id());
    let run = RunRecord {
        ended_at: clock.wall(),
        outcome: store::Outcome::Complete,
        settings_hash: request.settings.hash(),
        pending_publish: request::pending_publish(&request.settings),
    };
    staged.commit(&run, &sweeps, &[], &[], &[])?;
    Ok(retried)
}

fn sorted(
    waiting: Vec<Quarantined>,
    catalog: &Catalog,
    refused: &[(String, store::Error)],
    settings: DecodeSettings,
    now: Timestamp,
) -> (Retried, Vec<Readable>) {
    let mut retried = Retried::default();
    let mut lists: BTreeMap<(String, String), Vec<Quarantined>> = BTreeMap::new();
    // Of several rows with one key the last is kept, so the newest record goes last.
    for record in waiting.into_iter().rev() {
        if record.reason.starts_with(NOT_UTF8) {
            // The stored text has replaced bytes: it is not what the service sent.
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
            let reason = "the catalog no longer has this table";
            retried.unread.extend(records.into_iter().map(|r| (r.id, reason.to_owned())));
            continue;
        };
        if let Some((_, refusal)) = refused.iter().find(|(name, _)| *name == table) {
            retried.unread.extend(records.into_iter().map(|r| (r.id, refusal.to_string())));
            continue;
        }
        let (records, unreadable) = as_kept(endpoint, records);
        retried.unread.extend(unreadable.into_iter().map(|record| (record.id, record.reason)));
        let decoded = again(endpoint, &scope_of(&scope), settings, &records, now);
        retried.unread.extend(decoded.bad.iter().map(|bad| (records[bad.index].id.clone(), bad.reason.clone())));
        let good: Vec<Quarantined> = decoded.good.iter().map(|index| records[*index as usize].clone()).collect();
        let known_newer = known_newer(endpoint, &scope_of(&scope), &good);
        readable.push(Readable { scope: scope_of(&scope), table, decoded, records: good, known_newer });
    }
    (retried, readable)
}

/// The records with their texts as they may be kept now: they may have come before personal data was hashed or dropped. And
/// those of which nobody can say what they hold.
fn as_kept(endpoint: &Endpoint, records: Vec<Quarantined>) -> (Vec<Quarantined>, Vec<Quarantined>) {
    let redaction = Redaction::of(endpoint);
    let (mut readable, mut unreadable) = (Vec::with_capacity(records.len()), Vec::new());
    for record in records {
        match redaction.kept_of(&record.raw).map(Cow::into_owned) {
            Some(raw) => readable.push(Quarantined { raw, ..record }),
            None => unreadable.push(record),
        }
    }
    (readable, unreadable)
}

/// The rows whose key was readable when they came. A good copy with that key would have resolved them, so none has come.
fn known_newer(endpoint: &Endpoint, scope: &Scope, records: &[Quarantined]) -> Vec<u64> {
    let has_same_key = |record: &Quarantined| {
        let reader = KeyReader::new(endpoint, &[]).with_given(&given(endpoint, scope, record));
        let mut scan = reader.scan();
        scan.read(&record.raw);
        matches!((scan.key(), &record.key_parts), (Some(key), Some(known)) if key.iter().eq(known))
    };
    (0..).zip(records).filter(|(_, record)| has_same_key(record)).map(|(seq, _)| seq).collect()
}

/// Decodes the records once more, those of each parent by themselves: a record does not say whose it is, but its key does.
fn again(
    endpoint: &Endpoint,
    scope: &Scope,
    settings: DecodeSettings,
    records: &[Quarantined],
    now: Timestamp,
) -> Decoded {
    let mut by_parent: BTreeMap<Given, Vec<usize>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        by_parent.entry(given(endpoint, scope, record)).or_default().push(index);
    }
    let mut all: Option<Decoded> = None;
    for (given, indexes) in by_parent {
        let texts: Vec<&str> = indexes.iter().map(|index| records[*index].raw.as_str()).collect();
        let mut part = Decoder::new(endpoint, settings).with_given(endpoint, &given).decode(&texts, now);
        part.good.iter_mut().for_each(|index| *index = indexes[*index as usize] as u32);
        part.bad.iter_mut().for_each(|bad| bad.index = indexes[bad.index]);
        all = Some(match all {
            None => part,
            Some(before) => before.and(part),
        });
    }
    all.unwrap_or_else(|| Decoder::new(endpoint, settings).decode(&[], now))
}

/// The values that the request gave to a record: those of its parent, from its key, and the fixed one, from its scope.
fn given(endpoint: &Endpoint, scope: &Scope, record: &Quarantined) -> Given {
    let value = |name: &str| {
        let place = endpoint.key.iter().position(|part| part.column == name)?;
        Some((name.to_owned(), record.key_parts.as_ref()?.get(place)?.clone()))
    };
    Given(endpoint.part_columns().filter_map(value).collect()).with_fixed(endpoint, scope)
}

/// Stages the readable records of a list that may be stored.
fn stage(
    staged: &mut StagedRun,
    list: Readable,
    started_at: Timestamp,
    clock: &SharedClock,
    retried: &mut Retried,
) -> Result<Option<SweepRecord>, Error> {
    if list.records.is_empty() {
        return Ok(None);
    }
    let sweep = staged.begin_sweep(&list.table, &list.scope)?;
    staged.stage(sweep, &list.decoded.batch, 0)?;
    let older: HashSet<u64> = staged.drop_older(sweep, &list.known_newer)?.into_iter().collect();
    let (kept, left): (Vec<_>, Vec<_>) = (0..).zip(list.records).partition(|(seq, _)| !older.contains(seq));
    retried.older.extend(left.into_iter().map(|(_, record)| record.id));
    if kept.is_empty() {
        return Ok(None);
    }
    let hashes: Vec<u64> = kept.iter().map(|(_, record)| record.raw_hash).collect();
    staged.resolve(sweep, &hashes)?;
    let rows_read = kept.len() as u64;
    retried.stored.extend(kept.into_iter().map(|(_, record)| record.id));
    Ok(Some(SweepRecord {
        sweep,
        started_at,
        ended_at: clock.wall(),
        verdict: Verdict::Unproved,
        proof: Some(PROOF.to_owned()),
        not_shown: NotShown::StayOpen,
        reach: Reach::ALL,
        reached_to: None,
        parents: None,
        parts: Vec::new(),
        reported_total_first: None,
        reported_total_last: None,
        rows_read,
        duplicates: 0,
        quarantined: 0,
        pages: 0,
        requests: 0,
        retries: 0,
        throttled: 0,
        waited_ms: 0,
        bytes: 0,
        error: None,
    }))
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
