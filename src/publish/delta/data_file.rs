//! Writes one Parquet file of a shared table, and says of it what the table's log must: size, rows, and the least and
//! greatest value of each column. It knows nothing of logs.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, MapBuilder, MapFieldNames, RecordBatch, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::{SortOptions, sort_limit};
use arrow::datatypes::{Field, FieldRef, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::lake::Lake;
use crate::base::clock::Timestamp;
use crate::publish::Error;
use crate::publish::file::{self, Labels};
use crate::publish::published_schema::PublishedSchema;

const MILLI_US: i64 = 1000;

/// A file that is written, and not in a log yet.
pub(super) struct DataFile {
    /// Relative to the folder of the table.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    statistics: StructArray,
}

/// Writes rows to a path below the folder of a table; nothing if there are none.
pub(super) fn write(
    lake: &Lake,
    (folder, path): (&str, &str),
    schema: &PublishedSchema,
    labels: &Labels<'_>,
    batches: &mut dyn Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<Option<DataFile>, Error> {
    let Some(first) = batches.next() else { return Ok(None) };
    let whole = format!("{folder}/{path}");
    let place = lake.place(&whole);
    let fault = |source: ParquetError| Error::Parquet { path: place.clone().into(), source };
    let mut upload = lake.upload(&whole)?;
    let rows = std::iter::once(first).chain(batches);
    let metadata = match file::write_rows(&mut upload, schema, labels, &fault, rows) {
        Ok(metadata) if file::rows_of(&metadata) > 0 => metadata,
        nothing => {
            return match upload.abort() {
                Some(fault) => Err(fault.into()),
                None => nothing.map(|_| None),
            };
        }
    };
    let bytes = upload.finish()?;
    let statistics = statistics(&metadata, &schema.arrow_schema()).map_err(fault)?;
    Ok(Some(DataFile { path: path.to_owned(), rows: file::rows_of(&metadata), bytes, statistics }))
}

impl DataFile {
    /// The row of a commit that adds the file to its partition.
    pub(super) fn added(&self, partition: &[(&str, &str)], at: Timestamp) -> Result<RecordBatch, ArrowError> {
        let names = MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
        let mut values = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
        for (name, value) in partition {
            values.keys().append_value(name);
            values.values().append_value(value);
        }
        values.append(true)?;
        let columns: [(&str, ArrayRef); 5] = [
            ("path", Arc::new(StringArray::from(vec![self.path.as_str()]))),
            ("partitionValues", Arc::new(values.finish())),
            ("size", number(self.bytes)),
            ("modificationTime", Arc::new(Int64Array::from(vec![at.0 / MILLI_US]))),
            ("stats", Arc::new(self.statistics.clone())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, name == "stats")))
    }
}

fn number(value: u64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![i64::try_from(value).unwrap_or(i64::MAX)]))
}

/// What a log says of a file's values, from the file's own statistics. A column of fractions has no least and greatest
/// value there, since its file leaves out what is no number.
fn statistics(metadata: &ParquetMetaData, schema: &Schema) -> Result<StructArray, ParquetError> {
    let rows = file::rows_of(metadata);
    let (mut nulls, mut least, mut greatest) = (Vec::new(), Vec::new(), Vec::new());
    for field in schema.fields().iter().filter(|field| !field.data_type().is_nested()) {
        let converter = StatisticsConverter::try_new(field.name(), schema, metadata.file_metadata().schema_descr())?;
        let counts = converter.row_group_null_counts(metadata.row_groups())?;
        if counts.null_count() > 0 {
            continue;
        }
        nulls.push((field.name(), number(counts.iter().flatten().sum())));
        if field.data_type().is_floating() {
            continue;
        }
        let groups = |values: ArrayRef| is_complete(&values, &counts, metadata).then_some(values);
        let mins = groups(converter.row_group_mins(metadata.row_groups())?);
        let maxes = groups(converter.row_group_maxes(metadata.row_groups())?);
        if let (Some(mins), Some(maxes)) = (mins, maxes)
            && let (Some(min), Some(max)) = (first(&mins, false)?, first(&maxes, true)?)
        {
            least.push((field.name(), min));
            greatest.push((field.name(), whole_milliseconds(max)));
        }
    }
    let parts = [("nullCount", nulls), ("minValues", least), ("maxValues", greatest)];
    let structs = parts.into_iter().filter(|(_, columns)| !columns.is_empty());
    let structs = structs.map(|(name, columns)| column(name, Arc::new(StructArray::from(as_fields(columns)))));
    let all: Vec<_> = std::iter::once(column("numRecords", number(rows))).chain(structs).collect();
    Ok(StructArray::from(all))
}

fn as_fields(columns: Vec<(&String, ArrayRef)>) -> Vec<(FieldRef, ArrayRef)> {
    columns.into_iter().map(|(name, values)| column(name, values)).collect()
}

fn column(name: &str, values: ArrayRef) -> (FieldRef, ArrayRef) {
    (Arc::new(Field::new(name, values.data_type().clone(), true)), values)
}

/// Whether each group of rows has a value, unless all that it holds is NULL.
fn is_complete(values: &ArrayRef, nulls: &UInt64Array, metadata: &ParquetMetaData) -> bool {
    let rows = metadata.row_groups().iter().map(|group| group.num_rows().max(0) as u64);
    rows.enumerate().all(|(group, rows)| values.is_valid(group) || nulls.value(group) == rows)
}

/// The first value in this order; `None` if all are NULL.
fn first(values: &ArrayRef, descending: bool) -> Result<Option<ArrayRef>, ArrowError> {
    let sorted = sort_limit(values, Some(SortOptions { descending, nulls_first: false }), Some(1))?;
    Ok((!sorted.is_empty() && sorted.is_valid(0)).then_some(sorted))
}

/// An instant rounded up: logs cut instants to milliseconds, and the greatest must not become less than it is.
fn whole_milliseconds(value: ArrayRef) -> ArrayRef {
    let Some(instants) = value.as_primitive_opt::<TimestampMicrosecondType>() else { return value };
    let up = |at: i64| at.checked_add(MILLI_US - 1).map_or(at, |at| at.div_euclid(MILLI_US) * MILLI_US);
    let rounded: TimestampMicrosecondArray = instants.unary(up);
    Arc::new(rounded.with_data_type(value.data_type().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, Float64Array};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    #[test]
    fn statistics_span_all_groups_of_rows_and_round_instants_up() {
        let text = StringArray::from(vec![Some("b"), None, Some("c"), Some("a")]);
        let at = TimestampMicrosecondArray::from(vec![1_001, 5, 2_000, 3_001]).with_timezone(crate::schema::UTC);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("text", Arc::new(text)),
            ("at", Arc::new(at)),
            ("none", Arc::new(Int64Array::from(vec![None, None, None, None]))),
            ("flag", Arc::new(BooleanArray::from(vec![true, true, true, false]))),
            ("share", Arc::new(Float64Array::from(vec![1.0, f64::NAN, 2.0, 3.0]))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        let metadata = writer.close().unwrap();
        assert_eq!(metadata.num_row_groups(), 2);
        let stats = statistics(&metadata, &batch.schema()).unwrap();
        let mut json = Vec::new();
        let rows = RecordBatch::from(stats);
        arrow::json::LineDelimitedWriter::new(&mut json).write(&rows).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["numRecords"], 4);
        let nulls = serde_json::json!({ "text": 1, "at": 0, "none": 4, "flag": 0, "share": 0 });
        assert_eq!(json["nullCount"], nulls);
        assert_eq!((json["minValues"]["text"].as_str(), json["maxValues"]["text"].as_str()), (Some("a"), Some("c")));
        assert_eq!((&json["minValues"]["flag"], &json["maxValues"]["flag"]), (&false.into(), &true.into()));
        assert_eq!(json["minValues"]["at"], "1970-01-01T00:00:00.000005Z");
        assert_eq!(json["maxValues"]["at"], "1970-01-01T00:00:00.004Z");
        assert!(json["minValues"].get("none").is_none() && json["minValues"].get("share").is_none());
    }
}
