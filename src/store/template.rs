//! SQL templates: the files of `sql/`, and the code that fills `{{name}}`. It knows nothing of what the statements do.

use std::collections::BTreeMap;

use crate::base::clock::Timestamp;
pub(crate) use crate::schema::{ident, literal};

/// What replaces each `{{name}}`: finished SQL, quoted where needed.
pub(crate) type Values = BTreeMap<&'static str, String>;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TemplateError {
    #[error("sql/{file}: no value is given for {{{{{placeholder}}}}}")]
    Unfilled { file: &'static str, placeholder: String },
    #[error("sql/{file}: {{{{{placeholder}}}}} is not declared in the file's header")]
    Undeclared { file: &'static str, placeholder: String },
    #[error("sql/{file}: a placeholder is not closed")]
    Unclosed { file: &'static str },
}

/// A file of `sql/`. Its header is comment lines: what it is for, and `-- takes:` with its placeholders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    pub file: &'static str,
    pub text: &'static str,
}

macro_rules! templates {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) const $name: Template =
            Template { file: $file, text: include_str!(concat!("../../sql/", $file)) };)*
        #[cfg(test)]
        pub(super) const ALL: &[Template] = &[$($name),*];
    };
}

templates! {
    ARCHIVE_ATTACH_BOTH = "archive/attach_both.sql";
    ARCHIVE_COMPARE = "archive/compare.sql";
    ARCHIVE_QUARANTINED = "archive/quarantined.sql";
    CHECK_INTERVAL_FORWARD = "checks/interval_forward.sql";
    CHECK_LEDGER_EQUATION = "checks/ledger_equation.sql";
    CHECK_LEDGER_RUNS_KNOWN = "checks/ledger_runs_known.sql";
    CHECK_ONE_OPEN_VERSION = "checks/one_open_version.sql";
    CHECK_RUNS_IN_ORDER = "checks/runs_in_order.sql";
    CHECK_RUNS_KNOWN = "checks/runs_known.sql";
    CHECK_VERSIONS_APART = "checks/versions_apart.sql";
    ATTACH = "file/attach.sql";
    DETACH = "file/detach.sql";
    MARK_DEMO = "file/mark_demo.sql";
    MIGRATION_RECORD = "file/migration_record.sql";
    MIGRATIONS_APPLIED = "file/migrations_applied.sql";
    MIGRATIONS_KNOWN = "file/migrations_known.sql";
    SET_MEMORY = "file/set_memory.sql";
    STORE_ID = "file/store_id.sql";
    TABLES_HELD = "file/tables_held.sql";
    WIDE = "file/wide.sql";
    LEDGER_COLUMNS = "holdings/ledger_columns.sql";
    HOLDINGS = "holdings/scopes.sql";
    IMPORT_COLUMNS = "import/columns.sql";
    IMPORT_LATER_SWEEPS = "import/later_sweeps.sql";
    IMPORT_ROWS = "import/rows.sql";
    IMPORT_STORE_ID = "import/store_id.sql";
    IMPORT_SWEPT_TABLES = "import/swept_tables.sql";
    IMPORT_UNANSWERED = "import/unanswered.sql";
    ACKNOWLEDGE = "ledger/acknowledge.sql";
    ACKNOWLEDGED = "ledger/acknowledged.sql";
    ALERTS_OPEN = "ledger/alerts_open.sql";
    ALERT_END = "ledger/alert_end.sql";
    ALERT_FIRE = "ledger/alert_fire.sql";
    CLEAR_QUARANTINE = "ledger/clear_quarantine.sql";
    DISMISS = "ledger/dismiss.sql";
    DISMISSED = "ledger/dismissed.sql";
    DRIFT_KNOWN = "ledger/drift_known.sql";
    FOLD_COMPLETE = "ledger/fold_complete.sql";
    FOLD_DRIFT = "ledger/fold_drift.sql";
    FOLD_QUARANTINE = "ledger/fold_quarantine.sql";
    HOLDS_VERSIONS = "ledger/holds_versions.sql";
    LAST_COMPLETE = "ledger/last_complete.sql";
    NEWEST_RUN = "ledger/newest_run.sql";
    NOTICES_FAILED = "ledger/notices_failed.sql";
    NOTICES_NEWEST = "ledger/notices_newest.sql";
    NOTICE_AGAIN = "ledger/notice_again.sql";
    NOTICE_BEGIN = "ledger/notice_begin.sql";
    NOTICE_END = "ledger/notice_end.sql";
    PRIVACY_ADD = "ledger/privacy_add.sql";
    PRIVACY_KNOWN = "ledger/privacy_known.sql";
    PRUNE_ALERTS = "ledger/prune_alerts.sql";
    PRUNE_NOTICES = "ledger/prune_notices.sql";
    PRUNE_REQUESTS = "ledger/prune_requests.sql";
    QUARANTINE_OPEN = "ledger/quarantine_open.sql";
    RESOLVE_KEYLESS = "ledger/resolve_keyless.sql";
    RESOLVE_QUARANTINE = "ledger/resolve_quarantine.sql";
    RESOLVE_STORED = "ledger/resolve_stored.sql";
    RUN_STORED = "ledger/run_stored.sql";
    MARK_PUBLISHED = "ledger/mark_published.sql";
    STORED_RUNS = "ledger/stored_runs.sql";
    SUMMARISE_CHECK = "ledger/summarise_check.sql";
    SWEPT_PROJECTS = "ledger/swept_projects.sql";
    WAITING_QUARANTINE = "ledger/waiting_quarantine.sql";
    AS_OF = "macros/as_of.sql";
    CHANGES = "macros/changes.sql";
    ABSENT = "merge/absent.sql";
    AWAIT_CONFIRMATION = "merge/await_confirmation.sql";
    CANDIDATES = "merge/candidates.sql";
    CLEAR_SWEEPS = "merge/clear_sweeps.sql";
    CLOSE = "merge/close.sql";
    COUNT_ORPHANS = "merge/count_orphans.sql";
    CREATE_STAGING = "merge/create_staging.sql";
    CREATE_STAGE = "merge/create_stage.sql";
    DEDUPE = "merge/dedupe.sql";
    DIFF = "merge/diff.sql";
    DISCARD = "merge/discard.sql";
    DUPLICATE_KEYS = "merge/duplicate_keys.sql";
    DROP_CANDIDATES = "merge/drop_candidates.sql";
    DROP_OLDER = "merge/drop_older.sql";
    KEEP_ABSENT = "merge/keep_absent.sql";
    KEYLESS = "merge/keyless.sql";
    OPENING = "merge/opening.sql";
    ORPHANS = "merge/orphans.sql";
    TALLY = "merge/tally.sql";
    REDATE_COLUMNS = "redate/columns.sql";
    REDATE_INSTANT = "redate/instant.sql";
    REDATE_LEDGER = "redate/ledger.sql";
    REDATE_NEIGHBOURS = "redate/neighbours.sql";
    RETENTION_CONTENTS = "retention/contents.sql";
    RETENTION_COUNT = "retention/count.sql";
    RETENTION_FATE = "retention/fate.sql";
    RETENTION_HISTORIES = "retention/histories.sql";
    RETENTION_LEDGER = "retention/ledger.sql";
    RETENTION_NIGHTS = "retention/nights.sql";
    RETENTION_REWRITE = "retention/rewrite.sql";
    RETENTION_SPACE = "retention/space.sql";
    RETENTION_VERSIONS = "retention/versions.sql";
    COSTS = "status/costs.sql";
    FRESHNESS = "status/freshness.sql";
    LAST_RUNS = "status/last_runs.sql";
    METRICS = "status/metrics.sql";
    ADD_COLUMN = "table/add_column.sql";
    COLUMN_DIFFERENCES = "table/column_differences.sql";
    COMMENT_COLUMN = "table/comment_column.sql";
    COMMENT_TABLE = "table/comment_table.sql";
    COMMENTS = "table/comments.sql";
    CREATE_TABLES = "table/create_tables.sql";
    KEY_RECORDED = "table/key_recorded.sql";
    KEYS = "table/keys.sql";
    MEMBER_HELD = "table/member_held.sql";
    OPEN_RECORDS = "table/open_records.sql";
    PARENTS = "table/parents.sql";
    RECORD_KEY = "table/record_key.sql";
    SHARED_KEY = "table/shared_key.sql";
    WANTED = "table/wanted.sql";
    VERSIONS = "views/versions.sql";
}

impl Template {
    /// The statement without its header, every placeholder filled.
    pub(crate) fn fill(&self, values: &Values) -> Result<String, TemplateError> {
        let declared = self.takes();
        let mut filled = String::with_capacity(self.text.len() * 2);
        let mut rest = self.body();
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, tail) = after.split_once("}}").ok_or(TemplateError::Unclosed { file: self.file })?;
            if !declared.contains(&name) {
                return Err(TemplateError::Undeclared { file: self.file, placeholder: name.to_owned() });
            }
            let value = values
                .get(name)
                .ok_or_else(|| TemplateError::Unfilled { file: self.file, placeholder: name.to_owned() })?;
            filled.push_str(before);
            filled.push_str(value);
            rest = tail;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The placeholders that the header names.
    pub(crate) fn takes(&self) -> Vec<&'static str> {
        self.header()
            .filter_map(|line| line.strip_prefix("-- takes:"))
            .flat_map(|names| names.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect()
    }

    pub(crate) fn header(&self) -> impl Iterator<Item = &'static str> {
        self.text.lines().take_while(|line| line.starts_with("--"))
    }

    fn body(&self) -> &'static str {
        let header: usize = self.text.split_inclusive('\n').take_while(|l| l.starts_with("--")).map(str::len).sum();
        self.text[header..].trim()
    }
}

/// A list of integers as SQL reads it.
pub(crate) fn integers(numbers: impl Iterator<Item = i64>) -> String {
    let texts: Vec<String> = numbers.map(|number| number.to_string()).collect();
    format!("CAST([{}] AS BIGINT[])", texts.join(", "))
}

/// An instant as SQL reads it, the same under any session time zone.
pub(super) fn instant(at: Timestamp) -> String {
    format!("TIMESTAMPTZ '{at}'")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    const SAMPLE: Template =
        Template { file: "x.sql", text: "-- About.\n-- takes: a, b\n\nSELECT {{a}}, {{b}}, {{a}}\n" };

    /// Folders of `sql/` whose files are templates.
    const FOLDERS: [&str; 13] = [
        "archive",
        "checks",
        "file",
        "holdings",
        "import",
        "ledger",
        "macros",
        "merge",
        "redate",
        "retention",
        "status",
        "table",
        "views",
    ];

    fn values(pairs: &[(&'static str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| (*name, value.to_string())).collect()
    }

    #[test]
    fn every_placeholder_is_filled_and_a_value_is_not_read_again() {
        assert_eq!(SAMPLE.fill(&values(&[("a", "{{b}}"), ("b", "2")])).unwrap(), "SELECT {{b}}, 2, {{b}}");
    }

    #[test]
    fn a_missing_an_unknown_and_an_unclosed_placeholder_are_errors() {
        assert!(
            matches!(SAMPLE.fill(&values(&[("a", "1")])), Err(TemplateError::Unfilled { placeholder, .. }) if placeholder == "b")
        );
        let undeclared = Template { text: "-- takes: a\nSELECT {{c}}", ..SAMPLE };
        assert!(matches!(undeclared.fill(&values(&[("c", "1")])), Err(TemplateError::Undeclared { .. })));
        let unclosed = Template { text: "-- takes: a\nSELECT {{a", ..SAMPLE };
        assert!(matches!(unclosed.fill(&values(&[("a", "1")])), Err(TemplateError::Unclosed { .. })));
    }

    #[test]
    fn names_and_texts_with_quotes_stay_names_and_texts() {
        assert_eq!(ident("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(instant(Timestamp(1)), "TIMESTAMPTZ '1970-01-01T00:00:00.000001Z'");
    }

    #[test]
    fn the_list_of_files_is_the_folders_contents() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        let mut found = BTreeSet::new();
        for folder in FOLDERS {
            for entry in fs::read_dir(root.join(folder)).unwrap() {
                let file = entry.unwrap().file_name().into_string().unwrap();
                // The other views belong to `store::views`.
                if folder != "views" || file == "versions.sql" {
                    found.insert(format!("{folder}/{file}"));
                }
            }
        }
        assert_eq!(ALL.iter().map(|t| t.file.to_owned()).collect::<BTreeSet<_>>(), found);
    }

    #[test]
    fn every_file_says_what_it_is_for_and_exactly_what_it_takes() {
        for template in ALL {
            assert!(template.header().count() >= 2, "{}: no header", template.file);
            let used: BTreeSet<&str> =
                template.text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).collect();
            assert_eq!(template.takes().into_iter().collect::<BTreeSet<_>>(), used, "{}", template.file);
        }
    }

    #[test]
    fn no_statement_asks_for_the_time_or_needs_a_time_zone_library() {
        let banned = [
            "now()",
            "current_date",
            "current_timestamp",
            "current_time",
            "localtimestamp",
            "today()",
            "at time zone",
            "interval '",
            "interval (",
            "date_trunc",
            "::timestamp",
            "::date",
            "as timestamp)",
            "as date)",
            "date_part",
            "extract(",
            "datediff",
            "date_diff",
            "make_timestamptz",
            "timezone",
        ];
        let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        let mut folders: Vec<_> = FOLDERS.iter().chain(&["migrations"]).map(|folder| sql.join(folder)).collect();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                    continue;
                }
                let text = fs::read_to_string(&entry).unwrap();
                let code: String = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
                let code = code.to_lowercase().replace("::timestamptz", "");
                for word in banned {
                    assert!(!code.contains(word), "{}: {word}", entry.display());
                }
            }
        }
    }
}
