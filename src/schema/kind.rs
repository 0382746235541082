//! The types that columns have: as a catalog declares them, and as the store keeps them. It knows nothing of how a
//! type is written in Arrow, SQL or Parquet.

#[derive(Clone, Debug, PartialEq)]
pub enum ColumnType {
    Text,
    Bool,
    Int32,
    Int64,
    Double,
    Timestamp(TimeForm),
    /// `HH:mm:ss` of elapsed time, kept as text; integer seconds stand beside it in `NAME_s`.
    Elapsed,
    Struct(Vec<Field>),
    List(Box<ColumnType>),
    /// Keys are text.
    Map(Box<ColumnType>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub ty: ColumnType,
    pub about: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeForm {
    /// Text. An instant without a zone is taken to be in `assumed`.
    Text {
        assumed: ZoneRule,
    },
    EpochSeconds,
    EpochMillis,
}

/// The zone of an instant that is written without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZoneRule {
    /// This many seconds east of UTC.
    Fixed(i32),
    /// As `[time] codearts_zone` says.
    Codearts,
}

pub const EXTRA: &str = "extra";

/// A column as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredColumn {
    pub name: String,
    pub kind: StoredKind,
    pub about: String,
    pub nullable: bool,
    pub volatile: bool,
}

/// The type of a stored value, the same in Arrow, DuckDB and Parquet.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredKind {
    Text,
    Json,
    Bool,
    Int32,
    Int64,
    Double,
    /// Microseconds, UTC.
    Timestamp,
    Struct(Vec<(String, StoredKind)>),
    List(Box<StoredKind>),
    /// Keys are text.
    Map(Box<StoredKind>),
}

impl StoredKind {
    pub fn of(ty: &ColumnType) -> StoredKind {
        match ty {
            ColumnType::Text | ColumnType::Elapsed => StoredKind::Text,
            ColumnType::Bool => StoredKind::Bool,
            ColumnType::Int32 => StoredKind::Int32,
            ColumnType::Int64 => StoredKind::Int64,
            ColumnType::Double => StoredKind::Double,
            ColumnType::Timestamp(_) => StoredKind::Timestamp,
            ColumnType::Struct(fields) => {
                StoredKind::Struct(fields.iter().map(|f| (f.name.clone(), StoredKind::of(&f.ty))).collect())
            }
            ColumnType::List(item) => StoredKind::List(Box::new(StoredKind::of(item))),
            ColumnType::Map(value) => StoredKind::Map(Box::new(StoredKind::of(value))),
        }
    }
}
