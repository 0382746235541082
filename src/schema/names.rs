//! The names of hclake's own tables, and which names lists, columns and fields can have: those that neither SQL nor
//! hclake needs. Names that hclake adds to a statement about a list begin with an underscore, which no name of a list
//! does. It knows nothing of types.

use super::table::EXTRA;

/// The most characters in the name of a table, column or field.
pub(crate) const NAME_CHARS_MAX: usize = 63;

/// Tables of the ledger.
const ALERTS: &str = "alerts";
const GONE_CANDIDATES: &str = "gone_candidates";
const LAST_COMPLETE: &str = "last_complete";
pub(crate) const OUTBOX: &str = "outbox";
const PRIVACY: &str = "privacy";
pub(crate) const QUARANTINE: &str = "quarantine";
pub(crate) const REQUESTS: &str = "requests";
pub(crate) const RUNS: &str = "runs";
pub(crate) const SCHEMA_DRIFT: &str = "schema_drift";
const SCHEMA_MIGRATIONS: &str = "schema_migrations";
pub(crate) const SENT_MESSAGES: &str = "sent_messages";
pub(crate) const STORE_IDENTITY: &str = "store_identity";
pub(crate) const SWEEPS: &str = "sweeps";

/// The store's own tables: those that its migrations create.
pub const RESERVED_TABLES: [&str; 13] = [
    ALERTS,
    GONE_CANDIDATES,
    LAST_COMPLETE,
    OUTBOX,
    PRIVACY,
    QUARANTINE,
    REQUESTS,
    RUNS,
    SCHEMA_DRIFT,
    SCHEMA_MIGRATIONS,
    SENT_MESSAGES,
    STORE_IDENTITY,
    SWEEPS,
];
/// Columns of the ledger in which pruning leaves its marks.
pub(crate) const PRUNING_COLUMNS: [&str; 2] = ["pruned_at", "records_before"];
/// The views that the store offers beside the lists.
pub(crate) const OFFERED_VIEWS: [&str; 4] =
    ["app_dim", "daily_install_status", "install_failure_facts", "install_job_facts"];
/// Prefixes of hclake's own tables.
const OWN_PREFIX: &str = "meta_";
/// Endings of the names that the store derives from a table.
const HISTORY: &str = "_history";
const VERSIONS: &str = "_versions";
const AS_OF: &str = "_as_of";
const CHANGES: &str = "_changes";
const OWN_ENDINGS: [&str; 4] = [HISTORY, VERSIONS, AS_OF, CHANGES];
/// DuckDB's name for the number of a row. A column of this name would hide it.
pub(crate) const ROW_ID: &str = "rowid";
/// Names in the paths of a published dataset. Readers read such a part of a path as a column.
pub(crate) const CLOSED_MONTH: &str = "closed_month";
pub(crate) const RUN_MONTH: &str = "run_month";
const PATH_COLUMNS: [&str; 2] = [CLOSED_MONTH, RUN_MONTH];
/// Reserved words of SQL, from DuckDB's `duckdb_keywords()`.
const SQL_WORDS: &str = "all analyse analyze and any array as asc asymmetric both case cast check collate column \
    constraint create default deferrable desc describe distinct do else end except false fetch for foreign from \
    group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot \
    pivot_longer pivot_wider placing primary qualify references returning select show some summarize symmetric table \
    then to trailing true union unique unpivot using variadic when where window with";

/// The table of closed versions.
pub(crate) fn history_table(table: &str) -> String {
    format!("{table}{HISTORY}")
}

/// The view of all versions, closed and open.
pub(crate) fn versions_view(table: &str) -> String {
    format!("{table}{VERSIONS}")
}

/// The macro that returns the records as they were at an instant.
pub(crate) fn as_of_macro(table: &str) -> String {
    format!("{table}{AS_OF}")
}

/// The macro that returns the changes between two instants.
pub(crate) fn changes_macro(table: &str) -> String {
    format!("{table}{CHANGES}")
}

/// Whether it can be the table of a list: neither of the ledger nor derived.
pub(crate) fn is_list_table(table: &str) -> bool {
    !RESERVED_TABLES.contains(&table) && !OWN_ENDINGS.iter().any(|ending| table.ends_with(ending))
}

/// The published column that holds a nested column as JSON text.
pub(crate) fn json_column(column: &str) -> String {
    format!("{column}_json")
}

/// Why a table cannot have this name.
pub fn table_name_faults(name: &str) -> Vec<String> {
    let mut faults: Vec<String> = unsafe_name(name).into_iter().collect();
    if RESERVED_TABLES.contains(&name) || OFFERED_VIEWS.contains(&name) || name.starts_with(OWN_PREFIX) {
        faults.push("is a table of hclake's own; choose another".to_owned());
    }
    if let Some(ending) = OWN_ENDINGS.iter().find(|ending| name.ends_with(*ending)) {
        faults.push(format!("ends in {ending}, as names derived from a table do; choose another"));
    }
    faults
}

/// Why a column cannot have this name.
pub(crate) fn column_name_fault(name: &str) -> Option<String> {
    let taken_by = match name {
        EXTRA => "is where hclake keeps members that the catalog does not know",
        ROW_ID => "is what DuckDB calls the number of a row",
        _ if PATH_COLUMNS.contains(&name) => "is part of the paths in a published dataset",
        _ => return unsafe_name(name),
    };
    Some(format!("{taken_by}; choose another"))
}

/// Whether a column can have this name.
pub fn is_column_name(name: &str) -> bool {
    column_name_fault(name).is_none()
}

/// Whether a field of a struct can have this name.
pub fn is_field_name(name: &str) -> bool {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts_well && name.len() <= NAME_CHARS_MAX && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Why neither a table nor a column can have this name.
fn unsafe_name(name: &str) -> Option<String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on_well = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !(starts_well && goes_on_well) {
        Some("must begin with a small letter and go on with small letters, digits and underscores".to_owned())
    } else if name.len() > NAME_CHARS_MAX {
        Some(format!("is longer than {NAME_CHARS_MAX} characters; shorten it"))
    } else if SQL_WORDS.split_whitespace().any(|word| word == name) {
        Some("is a word of SQL; choose another".to_owned())
    } else {
        None
    }
}
