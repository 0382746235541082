//! Whether a run can do with personal data what the settings say, and what a change of them does to what is stored. It
//! hashes nothing.

use std::collections::BTreeMap;

use super::plan::PlanError;
use crate::base::nearest::nearest;
use crate::base::privacy::Personal;
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::config::PrivacySettings;
use crate::store::PrivacyChange;

/// Refuses settings that cannot be followed for these lists.
pub(super) fn require_possible<'a>(
    settings: &PrivacySettings,
    catalog: &Catalog,
    endpoints: impl Iterator<Item = &'a Endpoint>,
) -> Result<(), PlanError> {
    let is_unknown = |name: &&String| catalog.get(name).is_none() && !catalog.may_be_skipped(name);
    if let Some(name) = settings.named().find(is_unknown) {
        let nearest = nearest(name, catalog.endpoints().iter().map(|list| list.name.as_str())).map(str::to_owned);
        return Err(PlanError::UnknownPrivacy { name: name.clone(), nearest });
    }
    if let Some(why) = settings.lacks_key() {
        return Err(PlanError::NoPrivacyKey { why: why.to_owned() });
    }
    let loses = |list: &&Endpoint| {
        list.is_known_by_content() && list.personal_columns().any(|column| list.done_with(column) == Personal::Drop)
    };
    let lists: Vec<&str> = endpoints.filter(loses).map(|list| list.name.as_str()).collect();
    match lists.first() {
        Some(first) => Err(PlanError::KnownByContent { tables: lists.join(", "), first: first.to_string() }),
        None => Ok(()),
    }
}

/// A warning for each kind of change, with the tables that it is for. `is_read` says of which tables this run reads
/// records.
pub(super) fn warnings(changes: &[PrivacyChange], catalog: &Catalog, is_read: impl Fn(&str) -> bool) -> Vec<String> {
    let mut kinds: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for change in changes.iter().filter(|change| is_read(&change.table)) {
        let kind = (change.before.to_string(), change.now.to_string());
        kinds.entry(kind).or_default().push(&change.table);
    }
    kinds.iter().map(|((before, now), tables)| warning(before, now, tables, catalog)).collect()
}

fn warning(before: &str, now: &str, tables: &[&str], catalog: &Catalog) -> String {
    let is_known_by_content = |table: &&&str| catalog.get(table).is_some_and(Endpoint::is_known_by_content);
    let by_content: Vec<&str> = tables.iter().filter(is_known_by_content).copied().collect();
    let all_new = match by_content.is_empty() {
        true => String::new(),
        false => format!("; all records of {} end, and come again as new ones", by_content.join(", ")),
    };
    format!(
        "personal data of {}: {before} before, {now} now; each record that has some gets a new version as it is read, and \
         its values of before and after do not match{all_new}; older versions keep what they hold, see docs/privacy.md",
        tables.join(", ")
    )
}
