//! Types and names: the types of columns, how they are written in Arrow, SQL and Parquet, hclake's own columns, and the
//! names that tables and columns can have. It knows nothing of catalogs and of DuckDB.
//!
//! A catalog declares a [`ColumnType`]; [`ColumnType::fold`] walks through one, and [`arrow_type`], [`sql_type`] and
//! [`published_type`] follow from it.

mod arrow;
mod instants;
mod kind;
mod names;
mod parquet;
mod sql;
mod table;
mod values;

pub(crate) use arrow::{
    ABOUT, arrow_schema, arrow_type, entries_field, entry_fields, fits, item_field, struct_fields, with_meaning,
};
pub(crate) use instants::{UTC, UTC_OFFSET, is_instant, schema_in_utc};
pub use kind::{ColumnType, TimeForm, ZoneRule};
pub(crate) use kind::{Field, Scalar};
pub(crate) use names::{
    CLOSED_MONTH, NAME_CHARS_MAX, OFFERED_VIEWS, OUTBOX, PRUNING_COLUMNS, QUARANTINE, REQUESTS, ROW_ID, RUN_MONTH,
    RUNS, SCHEMA_DRIFT, SENT_MESSAGES, STORE_IDENTITY, SWEEPS, as_of_macro, changes_macro, column_name_fault,
    history_table, is_list_table, json_column, versions_view,
};
pub use names::{RESERVED_TABLES, is_column_name, is_field_name, table_name_faults};
pub(crate) use parquet::{published, published_type, type_name, unfit_column};
pub(crate) use sql::{as_text, ident, literal, sql_type};
pub(crate) use table::{
    CHANGE_COLUMNS, CLOSING_COLUMNS, EXTRA, FIRST_SEEN, HASH, PROJECT, REGION, ROW, RUN_ID, SCOPE, SCOPE_COLUMNS,
    STAGE_COLUMNS, SWEEP, StoredColumn, VALID_FROM, VERSION_COLUMNS, is_own_column, own_columns, seconds_column,
};
pub(crate) use values::{flat, in_utc, json_text, retyped, spelt_out};
