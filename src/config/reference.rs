//! The table of settings as docs/configuration.md has it, in Markdown. It knows no values but the defaults.

use super::entry::Entry;
use super::{alert_block, notify_block, settings};

/// Every setting with the values it takes, its default, variables, flag and meaning; then those that a `[[scope]]`
/// may set.
pub fn reference() -> String {
    let rows: String = settings::ALL.iter().map(|entry| row(entry)).collect();
    let scoped = settings::ALL.iter().filter(|entry| entry.is_scoped).map(|entry| entry.key);
    format!(
        "| setting | values | default | variables, flag | meaning |\n|---|---|---|---|---|\n{rows}\n\
         A `[[scope]]` may set these for itself: {}.\n",
        code(scoped)
    )
}

/// The keys of an `[[alert]]` and of a `[[notify]]`, in Markdown.
pub fn reference_of_alerts() -> [String; 2] {
    [alert_block::ALL, notify_block::ALL].map(|entries| {
        let rows: String = entries.iter().map(|entry| row_of_block(entry)).collect();
        format!("| key | values | default | meaning |\n|---|---|---|---|\n{rows}")
    })
}

fn row_of_block(entry: &Entry) -> String {
    let default = entry.default.filter(|text| !text.is_empty()).map_or(String::new(), |text| format!("`{text}`"));
    let name = entry.key.split_once('.').map_or(entry.key, |(_, name)| name);
    let (values, meaning) = (entry.kind.expected(), entry.meaning.trim());
    format!("| `{name}` | {values} | {default} | {meaning} |\n")
}

fn row(entry: &Entry) -> String {
    let default = entry.default.map_or(entry.unset.to_owned(), |default| format!("`{default}`"));
    let places = code(entry.variables.iter().copied().chain(entry.flag));
    let page = entry.page.map_or(String::new(), |page| format!(" [More]({page})"));
    let (values, meaning) = (entry.kind.expected(), entry.meaning.trim());
    format!("| `{}` | {values} | {default} | {places} | {meaning}{page} |\n", entry.key)
}

fn code<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
