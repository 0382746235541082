//! Types and names: what a column can be, and what tables and columns can be called. It is plain data in closed enums
//! and knows nothing of catalogs, of values, or of what is done with either.

mod kind;
mod names;

pub use kind::{ColumnType, EXTRA, Field, StoredColumn, StoredKind, TimeForm, ZoneRule};
pub use names::{
    NAME_CHARS_MAX, RESERVED_TABLES, ROW_ID, column_name_fault, is_column_name, is_field_name, table_name_faults,
};
