//! The table of settings as docs/configuration.md has it, in Markdown. It knows no values but the defaults.

use super::entry::Entry;
use super::settings;

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
