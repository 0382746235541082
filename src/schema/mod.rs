//! Types and names: what a column can be, and what tables and columns can be called. It is plain data in closed enums
//! and knows nothing of catalogs, of values, or of what is done with either.

mod arrow;
mod kind;
mod names;
pub mod parquet;
pub mod sql;
mod values;

pub use arrow::{ABOUT, HASH, UTC, UTC_OFFSET, arrow_schema, data_type, fits, kind_of};
pub(crate) use arrow::{entries_field, item_field, struct_fields};
pub use kind::{ColumnType, EXTRA, Field, StoredColumn, StoredKind, TimeForm, ZoneRule};
pub use names::{
    NAME_CHARS_MAX, RESERVED_TABLES, ROW_ID, column_name_fault, is_column_name, is_field_name, table_name_faults,
};
pub use values::{flat, in_utc, json_text, json_texts, retyped, schema_in_utc};
