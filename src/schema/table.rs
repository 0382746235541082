//! The columns of a table: those of a list, and hclake's own before and after them. The names of hclake's own begin
//! with an underscore, which no name of a list does. It knows nothing of the names of tables.

use super::kind::{ColumnType, Scalar};

/// The column for members that have no column.
pub(crate) const EXTRA: &str = "extra";

/// A column as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredColumn {
    pub name: String,
    pub(crate) ty: ColumnType,
    pub about: String,
    pub(crate) nullable: bool,
    pub(crate) volatile: bool,
}

impl StoredColumn {
    /// The column with the seconds of an elapsed time.
    pub(crate) fn seconds(&self) -> Option<StoredColumn> {
        seconds_column(&self.name, &self.ty).map(|name| StoredColumn {
            name,
            ty: ColumnType::Int64,
            about: format!("`{}` in seconds.", self.name),
            nullable: true,
            volatile: self.volatile,
        })
    }

    /// The last column of every list.
    pub(crate) fn extra() -> StoredColumn {
        StoredColumn {
            name: EXTRA.to_owned(),
            ty: ColumnType::Json,
            about: "Members of the record that the catalog does not know, as a JSON object.".to_owned(),
            nullable: true,
            volatile: false,
        }
    }
}

/// Name of the column with the seconds of an elapsed time.
pub(crate) fn seconds_column(name: &str, ty: &ColumnType) -> Option<String> {
    (*ty == ColumnType::Elapsed).then(|| format!("{name}_s"))
}

/// One of hclake's own columns. None of them holds NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnColumn {
    pub name: &'static str,
    pub ty: Scalar,
    pub about: &'static str,
}

const fn own(name: &'static str, ty: Scalar, about: &'static str) -> OwnColumn {
    OwnColumn { name, ty, about }
}

pub(crate) const SCOPE: OwnColumn = own(
    "_scope",
    Scalar::Text,
    "Where the record lives: region/project, and the fixed parameter where the list has one.",
);
pub(crate) const REGION: OwnColumn = own("_region", Scalar::Text, "Region of the scope.");
pub(crate) const PROJECT: OwnColumn = own("_project", Scalar::Text, "Project of the scope.");
pub(crate) const HASH: OwnColumn = own(
    "_hash",
    Scalar::Int64,
    "Hash of the record's content, volatile columns left out; equal content has an equal hash.",
);
pub(crate) const FIRST_SEEN: OwnColumn = own(
    "_first_seen",
    Scalar::Timestamp,
    "Start of the run that first saw the record, also where it was gone in between.",
);
pub(crate) const VALID_FROM: OwnColumn =
    own("_valid_from", Scalar::Timestamp, "Start of the run that first saw this version.");
pub(crate) const RUN_ID: OwnColumn = own("_run_id", Scalar::Int64, "Run that first saw this version.");
pub(super) const VALID_TO: OwnColumn =
    own("_valid_to", Scalar::Timestamp, "Start of the run that saw another version, or no record.");
pub(super) const CLOSED_BY: OwnColumn = own("_closed_by", Scalar::Text, "Why the version ended: changed or gone.");
pub(super) const CLOSED_RUN_ID: OwnColumn = own("_closed_run_id", Scalar::Int64, "Run that closed the version.");

/// Columns before those of the list.
pub(crate) const SCOPE_COLUMNS: [OwnColumn; 3] = [SCOPE, REGION, PROJECT];
/// Columns after those of the list.
pub(crate) const VERSION_COLUMNS: [OwnColumn; 4] = [HASH, FIRST_SEEN, VALID_FROM, RUN_ID];
/// Additional columns of closed versions.
pub(crate) const CLOSING_COLUMNS: [OwnColumn; 3] = [VALID_TO, CLOSED_BY, CLOSED_RUN_ID];

/// Columns of a published change that come before those of the version.
pub(crate) const CHANGE_COLUMNS: [OwnColumn; 3] = [
    own("_change", Scalar::Text, "What the run did: opened, changed or gone. A gone record is shown as it last was."),
    own("_at", Scalar::Timestamp, "Start of the run that did it."),
    own("_change_run_id", Scalar::Int64, "Run that did it."),
];

pub(crate) const SWEEP: OwnColumn = own("_sweep", Scalar::Int32, "Sweep that read the row.");
pub(crate) const SEQ: OwnColumn = own("_seq", Scalar::Int64, "Number of the row in its sweep.");
pub(crate) const ROW: OwnColumn = own("_row", Scalar::Int64, "Number of the row in the stage.");

/// Columns of a row before those of its list, from when it is read until it is merged.
pub(crate) const STAGE_COLUMNS: [OwnColumn; 3] = [SWEEP, SEQ, ROW];

/// All columns that hclake adds to a list's tables, in their order.
pub(crate) fn own_columns() -> impl Iterator<Item = OwnColumn> {
    [&SCOPE_COLUMNS[..], &VERSION_COLUMNS, &CLOSING_COLUMNS].concat().into_iter()
}

pub(crate) fn is_own_column(name: &str) -> bool {
    own_columns().any(|column| column.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions(columns: &[&[OwnColumn]]) -> Vec<String> {
        columns.concat().iter().map(|column| format!("{} {} NOT NULL", column.name, column.ty.sql())).collect()
    }

    /// The lines of a statement that define columns, without alignment.
    fn defined(sql: &str) -> Vec<String> {
        let line = |line: &str| line.trim_end_matches(',').split_whitespace().collect::<Vec<_>>().join(" ");
        sql.lines().map(line).filter(|line| line.starts_with('_')).collect()
    }

    #[test]
    fn the_tables_are_created_with_these_columns() {
        let tables = include_str!("../../sql/table/create_tables.sql");
        let current: [&[OwnColumn]; 2] = [&SCOPE_COLUMNS, &VERSION_COLUMNS];
        let wanted = [definitions(&current), definitions(&current), definitions(&[&CLOSING_COLUMNS])].concat();
        assert_eq!(defined(tables), wanted);
        let stage = include_str!("../../sql/merge/create_stage.sql");
        assert_eq!(defined(stage), definitions(&[&STAGE_COLUMNS, &[HASH]]));
    }
}
