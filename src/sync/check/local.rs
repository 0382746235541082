//! The checks that ask nothing of the cloud: the configuration, the source of the credentials, the store and its disk.

use super::trial::{Finding, Mark};
use crate::config::{Search, Settings, SourceReport, SourceState};
use crate::store;
use crate::sync::clients::short_secret_warning;
use crate::sync::plan::PlanError;

/// Free space that a run needs, as a multiple of the store: the copy that it works on, DuckDB's temporary files, and
/// new records.
const FREE_STORES: u64 = 3;
/// Free space that a run needs, however small the store is: twice what a small run takes.
const FREE_BYTES_MIN: u64 = 32 << 20;
/// Free space that is enough for a new store.
const FREE_BYTES_AMPLE: u64 = 512 << 20;

pub(super) fn configuration(settings: &Settings, fault: Option<&PlanError>) -> Finding {
    let found = match &settings.file {
        Some(path) => format!("{} was read", path.display()),
        None => "no file; the environment and the defaults".to_owned(),
    };
    let scopes = &settings.scopes;
    let no_region = PlanError::NoRegion;
    if let Some(fault) = fault.or(scopes.is_empty().then_some(&no_region)) {
        return Finding::new(Mark::Failed, "configuration", format!("{found}; {fault}")).hint(fault.hint());
    }
    let mut regions: Vec<&str> = scopes.iter().map(|scope| scope.region.as_str()).collect();
    regions.dedup();
    Finding::new(Mark::Ok, "configuration", format!("{found}; {}", regions.join(", ")))
}

/// One finding for the credentials of each profile that a scope uses.
pub(super) fn credentials(settings: &Settings) -> Vec<Finding> {
    let of_profile = |(profile, search): (&Option<String>, &Search)| {
        let finding = searched(search);
        match profile {
            Some(profile) => finding.of(format!("of profile {profile}")),
            None => finding,
        }
    };
    settings.credentials.iter().map(of_profile).collect()
}

/// The source of the credentials, and why each other source was not used.
fn searched(search: &Search) -> Finding {
    let found = match &search.found {
        Ok(found) => found,
        Err(fault) => return Finding::new(Mark::Failed, "credentials", fault.to_string()).hint(fault.hint()),
    };
    let short = found.keys.is_too_short_to_redact().then(short_secret_warning);
    let warning = short.as_ref().map_or(String::new(), |short| format!("; {short}"));
    let mark = if short.is_some() { Mark::Warning } else { Mark::Ok };
    Finding::new(mark, "credentials", format!("{}{warning}{}", found.source, passed_over(&search.sources)))
}

/// The sources that were not used, grouped by reason.
fn passed_over(sources: &[SourceReport]) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for report in sources.iter().filter(|report| report.state != SourceState::Taken) {
        let reason = report.state.to_string();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sources)) if sources.contains(&report.source.as_str()) => {}
            Some((_, sources)) => sources.push(&report.source),
            None => reasons.push((reason, vec![&report.source])),
        }
    }
    reasons.iter().map(|(reason, sources)| format!("; {reason}: {}", sources.join(", "))).collect()
}

pub(super) fn store(settings: &Settings) -> Finding {
    let path = &settings.store.value;
    let failed = |error: store::Error| Finding::new(Mark::Failed, "store", error.to_string()).hint(error.hint());
    if let Err(error) = store::require_writable(path) {
        return failed(error);
    }
    if let Some(holder) = store::holder(path) {
        return Finding::new(Mark::Warning, "store", format!("{} is held by another run: {holder}", path.display()))
            .hint("a sync that begins now would exit with 4; let it wait with --lock-timeout".to_owned());
    }
    let newest = match store::open_read_only(path) {
        Ok(connection) => store::last_runs(&connection, 1),
        Err(store::Error::Missing { .. }) => {
            let detail = format!("{} is not there yet; the first sync makes it", path.display());
            return Finding::new(Mark::Ok, "store", detail);
        }
        Err(error) => return failed(error),
    };
    match newest.map(|runs| runs.into_iter().next()) {
        Ok(Some(run)) => {
            let detail = format!(
                "{} opens and its folder can be written; run {} of {} was {}",
                path.display(),
                run.run_id,
                run.started_at,
                run.outcome
            );
            Finding::new(Mark::Ok, "store", detail)
        }
        Ok(None) => Finding::new(Mark::Ok, "store", format!("{} opens; it holds no run yet", path.display())),
        Err(error) => failed(error),
    }
}

pub(super) fn disk(settings: &Settings) -> Finding {
    let path = &settings.store.value;
    let stored = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    match store::free_bytes(path) {
        Ok(free) => room(free, stored),
        Err(error) => Finding::new(Mark::Skipped, "disk", error.to_string()).hint(error.hint()),
    }
}

fn room(free: u64, stored: u64) -> Finding {
    let needed = stored.saturating_mul(FREE_STORES).max(FREE_BYTES_MIN);
    let why = match stored.saturating_mul(FREE_STORES) > FREE_BYTES_MIN {
        true => format!("{FREE_STORES} times the store's {}", size(stored)),
        false => "the least that is asked for".to_owned(),
    };
    if free < needed {
        return Finding::new(Mark::Failed, "disk", format!("{} free, less than {} ({why})", size(free), size(needed)))
            .hint("make room on the disk of the store, or name a store on another one with --store".to_owned());
    }
    let detail = format!("{} free, more than {} ({why})", size(free), size(needed));
    if stored == 0 && free < FREE_BYTES_AMPLE {
        let hint = "a first sync of many records needs more";
        return Finding::new(Mark::Warning, "disk", detail).hint(hint.to_owned());
    }
    Finding::new(Mark::Ok, "disk", detail)
}

/// In the largest unit that gives at least 1.
fn size(bytes: u64) -> String {
    let unit = |shift: u32, name: &str| format!("{:.1} {name}", bytes as f64 / (1u64 << shift) as f64);
    match bytes {
        0..0x10_0000 => unit(10, "KiB"),
        0x10_0000..0x4000_0000 => unit(20, "MiB"),
        _ => unit(30, "GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_disk_needs_room_for_three_stores_and_at_least_the_minimum() {
        assert_eq!(room(FREE_BYTES_AMPLE, 0).mark, Mark::Ok);
        assert_eq!(room(FREE_BYTES_AMPLE - 1, 0).mark, Mark::Warning);
        assert_eq!(room(FREE_BYTES_MIN, 0).mark, Mark::Warning);
        assert_eq!(room(FREE_BYTES_MIN, 1).mark, Mark::Ok);
        assert_eq!(room(FREE_BYTES_MIN - 1, 1).mark, Mark::Failed);
        assert_eq!(room(3 * GIB, GIB).mark, Mark::Ok);
        let short = room(3 * GIB - 1, GIB);
        assert_eq!(short.mark, Mark::Failed);
        assert_eq!(short.detail, "3.0 GiB free, less than 3.0 GiB (3 times the store's 1.0 GiB)");
        assert_eq!(room(u64::MAX, u64::MAX).mark, Mark::Ok);
        assert_eq!(room(9 * GIB, 0).detail, "9.0 GiB free, more than 32.0 MiB (the least that is asked for)");
    }
}
