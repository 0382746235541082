//! The types of columns, as a catalog declares them, and the one way to walk through nested types. It knows nothing of
//! how a type is written in Arrow, SQL or Parquet.

/// The type of a column's values.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnType {
    /// Text of any length.
    Text,
    /// Any JSON value, as text.
    Json,
    /// `true` or `false`.
    Bool,
    /// Whole numbers of 32 bits, signed.
    Int32,
    /// Whole numbers of 64 bits, signed.
    Int64,
    /// Floating-point numbers of 64 bits.
    Double,
    /// An instant, stored in microseconds of UTC.
    Timestamp(TimeForm),
    /// `HH:mm:ss` of elapsed time, kept as text. The column `NAME_s` beside it has the seconds as an integer.
    Elapsed,
    /// Members with names and types of their own.
    Struct(Vec<Field>),
    /// Any number of values of one type, in order.
    List(Box<ColumnType>),
    /// Keys are text.
    Map(Box<ColumnType>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub(crate) name: String,
    /// Where the object has the value: member names from the outside in.
    pub(crate) path: Vec<String>,
    pub(crate) ty: ColumnType,
    pub(crate) about: String,
}

/// How a record writes an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeForm {
    /// Text. An instant without a zone is read in the zone `assumed`.
    Text {
        /// The zone where the text has none.
        assumed: ZoneRule,
    },
    /// A number of seconds since 1970.
    EpochSeconds,
    /// A number of milliseconds since 1970.
    EpochMillis,
}

/// The zone of an instant that is written without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZoneRule {
    /// This many seconds east of UTC.
    Fixed(i32),
    /// The setting `[time] codearts_zone`.
    Codearts,
}

/// A stored type that is not nested. How a record writes the value does not matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text,
    Json,
    Bool,
    Int32,
    Int64,
    Double,
    /// Microseconds, UTC.
    Timestamp,
}

/// One step of a walk through a stored type. Each inner type is replaced by its result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<'a, T> {
    Scalar(Scalar),
    Struct(Vec<(&'a str, T)>),
    List(T),
    /// The result of the values. Keys are text.
    Map(T),
}

impl ColumnType {
    /// Walks through the stored type from the inside out; `make` turns each step into a result.
    pub(crate) fn fold<'a, T>(&'a self, make: &impl Fn(Node<'a, T>) -> T) -> T {
        make(match self {
            ColumnType::Text | ColumnType::Elapsed => Node::Scalar(Scalar::Text),
            ColumnType::Json => Node::Scalar(Scalar::Json),
            ColumnType::Bool => Node::Scalar(Scalar::Bool),
            ColumnType::Int32 => Node::Scalar(Scalar::Int32),
            ColumnType::Int64 => Node::Scalar(Scalar::Int64),
            ColumnType::Double => Node::Scalar(Scalar::Double),
            ColumnType::Timestamp(_) => Node::Scalar(Scalar::Timestamp),
            ColumnType::Struct(fields) => {
                Node::Struct(fields.iter().map(|field| (field.name.as_str(), field.ty.fold(make))).collect())
            }
            ColumnType::List(item) => Node::List(item.fold(make)),
            ColumnType::Map(value) => Node::Map(value.fold(make)),
        })
    }

    /// The fields of a struct, also where the struct is the item of a list or the value of a map.
    pub(crate) fn fields(&self) -> &[Field] {
        match self {
            ColumnType::Struct(fields) => fields,
            ColumnType::List(inner) | ColumnType::Map(inner) => inner.fields(),
            _ => &[],
        }
    }

    /// Which field has its value at a path of members, or within it: `.name` and further fields, empty where the value
    /// itself has. A path goes through each item of a list, and names the key of a map.
    pub(crate) fn field_at(&self, path: &[String]) -> Option<String> {
        match self {
            ColumnType::List(item) => item.field_at(path),
            ColumnType::Map(value) => value.field_at(path.get(1..).filter(|rest| !rest.is_empty())?),
            ColumnType::Struct(fields) => fields.iter().find_map(|field| {
                let within = if field.path.starts_with(path) {
                    String::new()
                } else {
                    field.ty.field_at(path.strip_prefix(field.path.as_slice())?)?
                };
                Some(format!(".{}{within}", field.name))
            }),
            _ => None,
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        *self == ColumnType::Text
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, ColumnType::Int32 | ColumnType::Int64)
    }

    /// The type at the end of a path through structs, and lists of them.
    pub(crate) fn within(&self, fields: &[String]) -> Option<&ColumnType> {
        match (self, fields) {
            (ColumnType::List(item), _) => item.within(fields),
            (ty, []) => Some(ty),
            (ty, [first, rest @ ..]) => ty.fields().iter().find(|field| field.name == *first)?.ty.within(rest),
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self, ColumnType::List(_))
    }

    pub(crate) fn is_instant(&self) -> bool {
        matches!(self, ColumnType::Timestamp(_))
    }

    /// Whether a record has it as an instant in text.
    pub(crate) fn is_instant_in_text(&self) -> bool {
        matches!(self, ColumnType::Timestamp(TimeForm::Text { .. }))
    }

    /// Whether it is text, or may hold some: another text can stand in its place. The keys of a map are no such text.
    pub(crate) fn holds_texts(&self) -> bool {
        match self {
            ColumnType::List(item) => item.holds_texts(),
            ColumnType::Text | ColumnType::Json | ColumnType::Struct(_) => true,
            _ => false,
        }
    }

    /// Whether it can identify a record.
    pub(crate) fn can_be_key(&self) -> bool {
        self.is_integer() || *self == ColumnType::Text
    }

    /// Whether a server can sort by it.
    pub(crate) fn can_be_sorted_by(&self) -> bool {
        self.can_be_key() || self.is_instant()
    }
}
