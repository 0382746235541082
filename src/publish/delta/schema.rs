//! The columns of a shared table: those of a store with their meanings, and the union of the columns of all stores that
//! publish into it. It knows nothing of logs.

use std::borrow::Cow;

use arrow::error::ArrowError;
use delta_kernel::engine::arrow_conversion::TryFromArrow;
use delta_kernel::schema::{ArrayType, DataType as DeltaType, MapType, StructField, StructType};

use crate::publish::published_schema::PublishedSchema;

/// The name under which Delta keeps a column's meaning.
const COMMENT: &str = "comment";

/// A column that two stores have with types that do not fit each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub column: String,
    pub held: String,
    pub own: String,
}

/// The columns of a store's table, and after them the partitions. All may be NULL, since another store may lack them.
pub(super) fn with_partitions(
    published: &PublishedSchema,
    partitions: &[(&str, &str)],
) -> Result<StructType, ArrowError> {
    let text = DeltaType::STRING;
    let columns = published.columns().iter().map(|column| {
        let field = StructField::nullable(&column.name, DeltaType::try_from_arrow(&column.ty)?);
        Ok(described(field, &column.about))
    });
    let partitions =
        partitions.iter().map(|(name, about)| Ok(described(StructField::nullable(*name, text.clone()), about)));
    let fields = columns.chain(partitions).collect::<Result<Vec<_>, ArrowError>>()?;
    StructType::try_new(fields).map_err(|error| ArrowError::SchemaError(error.to_string()))
}

fn described(field: StructField, about: &str) -> StructField {
    if about.is_empty() { field } else { field.with_metadata([(COMMENT, about)]) }
}

/// The columns of a table and of a store together; `None` if the table has them all.
pub(super) fn widened(held: &StructType, own: &StructType) -> Result<Option<StructType>, Conflict> {
    match union(held, own, "")? {
        Cow::Borrowed(_) => Ok(None),
        Cow::Owned(wider) => Ok(Some(wider)),
    }
}

/// Borrowed where nothing is added.
fn union<'a>(held: &'a StructType, own: &StructType, within: &str) -> Result<Cow<'a, StructType>, Conflict> {
    let mut fields: Vec<StructField> = held.fields().cloned().collect();
    let mut is_wider = false;
    for own in own.fields() {
        let place = format!("{within}{}", own.name());
        match fields.iter_mut().find(|field| field.name().eq_ignore_ascii_case(own.name())) {
            None => {
                fields.push(own.clone());
                is_wider = true;
            }
            Some(field) if field.name() != own.name() => {
                return Err(Conflict { column: place, held: field.name().clone(), own: own.name().clone() });
            }
            Some(field) => {
                if let Some(wider) = wider_type(field.data_type(), own.data_type(), &place)? {
                    field.data_type = wider;
                    is_wider = true;
                }
            }
        }
    }
    if !is_wider {
        return Ok(Cow::Borrowed(held));
    }
    let wider = StructType::try_new(fields);
    wider.map(Cow::Owned).map_err(|error| Conflict {
        column: within.to_owned(),
        held: error.to_string(),
        own: "another".to_owned(),
    })
}

/// The type that holds the values of both; `None` if the held one does.
fn wider_type(held: &DeltaType, own: &DeltaType, place: &str) -> Result<Option<DeltaType>, Conflict> {
    match (held, own) {
        (DeltaType::Struct(held), DeltaType::Struct(own)) => match union(held, own, &format!("{place}."))? {
            Cow::Borrowed(_) => Ok(None),
            Cow::Owned(wider) => Ok(Some(wider.into())),
        },
        (DeltaType::Array(held), DeltaType::Array(own)) => {
            let item = wider_type(held.element_type(), own.element_type(), place)?;
            Ok(item.map(|item| ArrayType::new(item, held.contains_null()).into()))
        }
        (DeltaType::Map(held), DeltaType::Map(own)) if held.key_type() == own.key_type() => {
            let value = wider_type(held.value_type(), own.value_type(), place)?;
            Ok(value.map(|value| MapType::new(held.key_type().clone(), value, held.value_contains_null()).into()))
        }
        (held, own) if held == own => Ok(None),
        (held, own) => Err(Conflict { column: place.to_owned(), held: held.to_string(), own: own.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, DeltaType)]) -> StructType {
        StructType::try_new(columns.iter().map(|(name, ty)| StructField::nullable(*name, ty.clone()))).unwrap()
    }

    fn names(table: &StructType) -> Vec<&str> {
        table.fields().map(|field| field.name().as_str()).collect()
    }

    #[test]
    fn columns_that_only_one_store_has_are_added_at_the_end_and_none_is_taken_away() {
        let held = table(&[("a", DeltaType::STRING), ("b", DeltaType::LONG)]);
        assert_eq!(widened(&held, &table(&[("b", DeltaType::LONG)])), Ok(None));
        let own = table(&[("c", DeltaType::BOOLEAN), ("a", DeltaType::STRING)]);
        assert_eq!(names(&widened(&held, &own).unwrap().unwrap()), ["a", "b", "c"]);
    }

    #[test]
    fn members_are_added_wherever_they_nest() {
        let of = |members: &[(&str, DeltaType)]| {
            table(&[("list", ArrayType::new(DeltaType::from(table(members)), true).into())])
        };
        let one = of(&[("x", DeltaType::STRING)]);
        let two = of(&[("x", DeltaType::STRING), ("y", DeltaType::LONG)]);
        assert_eq!(widened(&one, &two), Ok(Some(two.clone())));
        assert_eq!(widened(&two, &one), Ok(None));
    }

    #[test]
    fn a_column_of_two_types_or_two_spellings_is_named() {
        let held = table(&[("a", DeltaType::from(table(&[("n", DeltaType::LONG)])))]);
        let other = table(&[("a", DeltaType::from(table(&[("n", DeltaType::STRING)])))]);
        let conflict = Conflict { column: "a.n".into(), held: "long".into(), own: "string".into() };
        assert_eq!(widened(&held, &other), Err(conflict));
        assert!(widened(&held, &table(&[("A", DeltaType::LONG)])).is_err());
    }
}
