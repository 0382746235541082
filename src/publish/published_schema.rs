//! The columns of a published file: they depend on the catalog and the store, never on the rows, and have types that
//! every reader of Parquet knows. It knows nothing of files.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::manifest::ColumnEntry;
use crate::schema::{ABOUT, Scalar, json_column, json_text, retyped, spelt_out, type_name, with_meaning};

/// Where a column's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    Stored,
    /// The catalog has it, the store not yet: all values are NULL.
    Absent,
    /// A nested column as JSON text.
    JsonOf(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct PublishedColumn {
    pub name: String,
    pub about: String,
    pub ty: DataType,
    pub nullable: bool,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct PublishedSchema {
    columns: Vec<PublishedColumn>,
}

impl PublishedSchema {
    pub(super) fn new(columns: Vec<PublishedColumn>) -> PublishedSchema {
        PublishedSchema { columns }
    }

    /// Adds a column of JSON text beside each nested column, unless its name is taken.
    pub(super) fn flattened(self) -> PublishedSchema {
        let taken: Vec<String> = self.columns.iter().map(|column| column.name.to_lowercase()).collect();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            let name = json_column(&column.name);
            let beside = (column.ty.is_nested() && !taken.contains(&name.to_lowercase())).then(|| PublishedColumn {
                about: about_json_of(&column.name),
                ty: Scalar::Json.arrow(),
                nullable: true,
                origin: Origin::JsonOf(column.name.clone()),
                name,
            });
            columns.push(column);
            columns.extend(beside);
        }
        PublishedSchema { columns }
    }

    pub(super) fn columns(&self) -> &[PublishedColumn] {
        &self.columns
    }

    /// The stored columns of text, without those of a key.
    pub(super) fn texts_outside(&self, key: &[String]) -> Vec<&str> {
        let is_text = |column: &&PublishedColumn| {
            column.origin == Origin::Stored && column.ty.is_string() && !key.contains(&column.name)
        };
        self.columns.iter().filter(is_text).map(|column| column.name.as_str()).collect()
    }

    pub(super) fn arrow_schema(&self) -> SchemaRef {
        let field = |column: &PublishedColumn| {
            with_meaning(Field::new(&column.name, column.ty.clone(), column.nullable), &column.about)
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// Converts rows from DuckDB to this schema.
    pub(super) fn fit(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let named = |name: &str| {
            let missing = || ArrowError::SchemaError(format!("no column {name} in the rows"));
            batch.column_by_name(name).ok_or_else(missing)
        };
        let values = |column: &PublishedColumn| -> Result<ArrayRef, ArrowError> {
            match &column.origin {
                Origin::Stored => retyped(&spelt_out(named(&column.name)?)?, &column.ty),
                Origin::Absent => Ok(new_null_array(&column.ty, batch.num_rows())),
                Origin::JsonOf(name) => Ok(Arc::new(json_text(named(name)?)?)),
            }
        };
        let columns = self.columns.iter().map(values).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
    }
}

/// The meaning of the JSON text beside a nested column.
pub(super) fn about_json_of(column: &str) -> String {
    format!("`{column}` as JSON text.")
}

/// The columns of a schema, as the manifest lists them.
pub(super) fn described(schema: &Schema) -> Vec<ColumnEntry> {
    let entry = |field: &FieldRef| ColumnEntry {
        name: field.name().clone(),
        ty: type_name(field.data_type()),
        nullable: field.is_nullable(),
        about: field.metadata().get(ABOUT).cloned().unwrap_or_default(),
    };
    schema.fields().iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;
    use crate::schema::{ColumnType, published, published_type};

    fn column(name: &str, ty: DataType, origin: Origin) -> PublishedColumn {
        PublishedColumn { name: name.into(), about: "about it".into(), ty, nullable: true, origin }
    }

    #[test]
    fn a_flat_schema_adds_json_text_unless_the_name_is_taken() {
        let ty = published_type(&ColumnType::List(Box::new(ColumnType::Text)));
        let taken = column("b_JSON", DataType::Utf8, Origin::Stored);
        let schema = PublishedSchema::new(vec![
            column("a", ty.clone(), Origin::Stored),
            column("b", ty, Origin::Stored),
            taken,
            column("c", DataType::Int64, Origin::Stored),
        ]);
        let names: Vec<_> = schema.flattened().columns().iter().map(|c| c.name.clone()).collect();
        assert_eq!(names, ["a", "a_json", "b", "b_JSON", "c"]);
    }

    #[test]
    fn rows_are_converted_to_the_schema_from_any_zone_and_inner_names() {
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some("Asia/Shanghai".into()));
        let came = DataType::Struct(vec![Field::new("at", at, true)].into());
        let rows = arrow::array::new_null_array(&came, 2);
        let wanted = published(&came).unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable([("x", rows, true)]).unwrap();
        let schema = PublishedSchema::new(vec![
            column("x", wanted.clone(), Origin::Stored),
            column("y", DataType::Int64, Origin::Absent),
            column("x_json", DataType::Utf8, Origin::JsonOf("x".into())),
        ]);
        let fitted = schema.fit(&batch, &schema.arrow_schema()).unwrap();
        assert_eq!(fitted.column(0).data_type(), &wanted);
        assert_eq!((fitted.column(1).null_count(), fitted.column(2).null_count()), (2, 2));
        let other = PublishedSchema::new(vec![column("x", DataType::Int64, Origin::Stored)]);
        assert!(other.fit(&batch, &other.arrow_schema()).is_err());
    }
}
