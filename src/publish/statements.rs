//! The SQL of publishing, as files of `sql/publish/`. It knows nothing of what the statements do.

use crate::store::Template;

macro_rules! templates {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) const $name: Template =
            Template { file: $file, text: include_str!(concat!("../../sql/", $file)) };)*
        #[cfg(test)]
        const ALL: &[Template] = &[$($name),*];
    };
}

templates! {
    AGGREGATES = "publish/aggregates.sql";
    BOTH_ROWS = "publish/both_rows.sql";
    BOTH_VERSIONS = "publish/both_versions.sql";
    SORTED = "publish/sorted.sql";
    SORT_FOLDER = "publish/sort_folder.sql";
    SORT_LIMITS = "publish/sort_limits.sql";
    CHANGES = "publish/changes.sql";
    COLUMNS = "publish/columns.sql";
    CURRENT = "publish/current.sql";
    DIFFERING_RUNS = "publish/differing_runs.sql";
    DIFFERING_ROWS = "publish/differing_rows.sql";
    DIFFERING_VERSIONS = "publish/differing_versions.sql";
    COMPARE_LIMITS = "publish/compare_limits.sql";
    HASHED_CHANGES = "publish/hashed_changes.sql";
    HASHED_ROWS = "publish/hashed_rows.sql";
    HISTORY = "publish/history.sql";
    HISTORY_VERSIONS = "publish/history_versions.sql";
    LEDGER = "publish/ledger.sql";
    RUNS = "publish/runs.sql";
    RUN_COUNTS = "publish/run_counts.sql";
    SCHEMA_VERSION = "publish/schema_version.sql";
    UNPRUNED_CHANGES = "publish/unpruned_changes.sql";
    UNPRUNED_SWEEPS = "publish/unpruned_sweeps.sql";
    VIEW = "publish/view.sql";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_says_what_it_is_for_and_exactly_what_it_takes_and_none_is_left_out() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/publish");
        let found: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("publish/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        assert_eq!(ALL.iter().map(|template| template.file.to_owned()).collect::<BTreeSet<_>>(), found);
        for template in ALL {
            assert!(template.header().count() >= 2, "{}: no header", template.file);
            let used: BTreeSet<&str> =
                template.text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).collect();
            assert_eq!(template.takes().into_iter().collect::<BTreeSet<_>>(), used, "{}", template.file);
        }
    }
}
