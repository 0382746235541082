//! A 64-bit hash of a row's stored content, the same on every machine and in every later version of the program.
//! It reads only Arrow arrays: how the record was written (member order, white space, `1` or `"1"`) does not matter.
//!
//! The hash covers the version, then each column that is not volatile and not NULL, in the catalog's order: the hash of
//! its name, then its value. So a column added by a later catalog does not change the hash of older rows. A value is a
//! byte for its type, then fixed-width bytes, or a length and that many bytes, or a count and that
//! many values; entries of a map go by their keys.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, MapArray, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use xxhash_rust::xxh3::xxh3_64;

use crate::schema::{ColumnType, Field, StoredColumn};

/// Changes whenever equal content would get another hash; it is part of the hashed content.
pub(crate) const HASH_VERSION: u8 = 1;

/// The bytes for types. Both integer widths share one, so that a column may be widened.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const BOOL: u8 = 2;
    pub(super) const INTEGER: u8 = 3;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const TIMESTAMP: u8 = 5;
    pub(super) const STRUCT: u8 = 6;
    pub(super) const LIST: u8 = 7;
    pub(super) const MAP: u8 = 8;
    pub(super) const JSON: u8 = 9;
}

/// Hashes rows of one list.
pub(crate) struct RowHasher {
    columns: Vec<HashedColumn>,
}

struct HashedColumn {
    /// Position among the stored columns.
    index: usize,
    name: u64,
    ty: ColumnType,
}

impl RowHasher {
    pub(crate) fn new(stored: &[StoredColumn]) -> Self {
        let hashed = stored.iter().enumerate().filter(|(_, column)| !column.volatile);
        let columns =
            hashed.map(|(index, column)| HashedColumn { index, name: name_hash(&column.name), ty: column.ty.clone() });
        RowHasher { columns: columns.collect() }
    }

    /// One hash for each row, as the bit pattern of an `i64`.
    ///
    /// # Panics
    ///
    /// If `arrays` are not those of the stored columns, in their order and with their types.
    pub(crate) fn hash(&self, arrays: &[ArrayRef], rows: usize) -> Int64Array {
        let columns = self.open(arrays);
        let mut content = Vec::new();
        let hashes = (0..rows).map(|row| {
            content.clear();
            write_row(&columns, row, &mut content);
            xxh3_64(&content).cast_signed()
        });
        hashes.collect::<Vec<i64>>().into()
    }

    fn open<'a>(&self, arrays: &'a [ArrayRef]) -> Vec<(u64, Values<'a>)> {
        self.columns.iter().map(|column| (column.name, Values::new(&arrays[column.index], &column.ty))).collect()
    }
}

fn name_hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

fn write_row(columns: &[(u64, Values<'_>)], row: usize, out: &mut Vec<u8>) {
    out.push(HASH_VERSION);
    for (name, values) in columns {
        if values.is_valid(row) {
            out.extend_from_slice(&name.to_le_bytes());
            values.write(row, out);
        }
    }
}

/// An array by its type, resolved once for each batch.
enum Values<'a> {
    Text(&'a StringArray),
    Json(&'a StringArray),
    Bool(&'a BooleanArray),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Double(&'a Float64Array),
    Timestamp(&'a TimestampMicrosecondArray),
    Struct(&'a StructArray, Vec<(u64, Values<'a>)>),
    List(&'a ListArray, Box<Values<'a>>),
    Map(&'a MapArray, &'a StringArray, Box<Values<'a>>),
}

impl<'a> Values<'a> {
    fn new(array: &'a ArrayRef, ty: &ColumnType) -> Self {
        match ty {
            ColumnType::Text | ColumnType::Elapsed => Values::Text(array.as_string()),
            ColumnType::Json => Values::Json(array.as_string()),
            ColumnType::Bool => Values::Bool(array.as_boolean()),
            ColumnType::Int32 => Values::Int32(array.as_primitive::<Int32Type>()),
            ColumnType::Int64 => Values::Int64(array.as_primitive::<Int64Type>()),
            ColumnType::Double => Values::Double(array.as_primitive::<Float64Type>()),
            ColumnType::Timestamp(_) => Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>()),
            ColumnType::Struct(fields) => {
                let array = array.as_struct();
                let open =
                    |(column, field): (&'a ArrayRef, &Field)| (name_hash(&field.name), Values::new(column, &field.ty));
                Values::Struct(array, array.columns().iter().zip(fields).map(open).collect())
            }
            ColumnType::List(item) => {
                let array = array.as_list::<i32>();
                Values::List(array, Box::new(Values::new(array.values(), item)))
            }
            ColumnType::Map(value) => {
                let array = array.as_map();
                let values = Values::new(array.values(), value);
                Values::Map(array, array.keys().as_string(), Box::new(values))
            }
        }
    }

    fn is_valid(&self, row: usize) -> bool {
        match self {
            Values::Text(array) | Values::Json(array) => array.is_valid(row),
            Values::Bool(array) => array.is_valid(row),
            Values::Int32(array) => array.is_valid(row),
            Values::Int64(array) => array.is_valid(row),
            Values::Double(array) => array.is_valid(row),
            Values::Timestamp(array) => array.is_valid(row),
            Values::Struct(array, _) => array.is_valid(row),
            Values::List(array, _) => array.is_valid(row),
            Values::Map(array, ..) => array.is_valid(row),
        }
    }

    /// Writes a value that is not NULL.
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Values::Text(array) => write_bytes(tag::TEXT, array.value(row), out),
            Values::Json(array) => write_bytes(tag::JSON, array.value(row), out),
            Values::Bool(array) => out.extend_from_slice(&[tag::BOOL, u8::from(array.value(row))]),
            Values::Int32(array) => write_fixed(tag::INTEGER, i64::from(array.value(row)).to_le_bytes(), out),
            Values::Int64(array) => write_fixed(tag::INTEGER, array.value(row).to_le_bytes(), out),
            Values::Double(array) => write_fixed(tag::DOUBLE, unsigned_zero(array.value(row)).to_le_bytes(), out),
            Values::Timestamp(array) => write_fixed(tag::TIMESTAMP, array.value(row).to_le_bytes(), out),
            Values::Struct(_, fields) => {
                let present = || fields.iter().filter(|(_, values)| values.is_valid(row));
                write_count(tag::STRUCT, present().count(), out);
                for (name, values) in present() {
                    out.extend_from_slice(&name.to_le_bytes());
                    values.write(row, out);
                }
            }
            Values::List(array, items) => {
                let range = range(array.value_offsets(), row);
                write_count(tag::LIST, range.len(), out);
                range.for_each(|item| items.write_or_null(item, out));
            }
            Values::Map(array, keys, values) => {
                let mut entries: Vec<usize> = range(array.value_offsets(), row).collect();
                entries.sort_unstable_by_key(|entry| keys.value(*entry));
                write_count(tag::MAP, entries.len(), out);
                for entry in entries {
                    write_bytes(tag::TEXT, keys.value(entry), out);
                    values.write_or_null(entry, out);
                }
            }
        }
    }

    fn write_or_null(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_valid(row) { self.write(row, out) } else { out.push(tag::NULL) }
    }
}

/// SQL treats -0.0 and 0.0 as equal, so a change between them is no change.
fn unsigned_zero(value: f64) -> f64 {
    value + 0.0
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

fn write_fixed(tag: u8, bytes: [u8; 8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&bytes);
}

fn write_count(tag: u8, count: usize, out: &mut Vec<u8>) {
    write_fixed(tag, (count as u64).to_le_bytes(), out);
}

fn write_bytes(tag: u8, text: &str, out: &mut Vec<u8>) {
    write_count(tag, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use arrow::array::{MapBuilder, StringBuilder, StructArray};
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::datatypes::DataType;

    use super::*;
    use crate::schema::TimeForm;

    const AT: ColumnType = ColumnType::Timestamp(TimeForm::EpochMillis);

    fn column(name: &str, ty: ColumnType) -> StoredColumn {
        StoredColumn { name: name.to_owned(), ty, about: String::new(), nullable: true, volatile: false }
    }

    fn text(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn list(item: ArrayRef, lengths: &[usize]) -> ArrayRef {
        let field = Arc::new(arrow::datatypes::Field::new("item", item.data_type().clone(), true));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), item, None))
    }

    fn structs(l: &[Option<&str>], r: &[Option<&str>], valid: &[bool]) -> ArrayRef {
        let field = |name| arrow::datatypes::Field::new(name, DataType::Utf8, true);
        let nulls = Some(NullBuffer::from(valid.to_vec()));
        Arc::new(StructArray::new(vec![field("l"), field("r")].into(), vec![text(l), text(r)], nulls))
    }

    fn part(name: &str) -> Field {
        Field { name: name.to_owned(), path: vec![name.to_owned()], ty: ColumnType::Text, about: String::new() }
    }

    fn pair() -> ColumnType {
        ColumnType::Struct(vec![part("l"), part("r")])
    }

    fn map(rows: &[&[(&str, Option<&str>)]]) -> ArrayRef {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for row in rows {
            for (key, value) in *row {
                builder.keys().append_value(key);
                builder.values().append_option(*value);
            }
            builder.append(true).unwrap();
        }
        Arc::new(builder.finish())
    }

    fn hashes(columns: &[StoredColumn], arrays: &[ArrayRef]) -> Vec<i64> {
        RowHasher::new(columns).hash(arrays, arrays[0].len()).values().to_vec()
    }

    fn all_differ(hashes: &[i64]) -> bool {
        hashes.iter().collect::<HashSet<_>>().len() == hashes.len()
    }

    #[test]
    fn version_1_is_pinned() {
        let columns = [
            column("id", ColumnType::Text),
            column("flag", ColumnType::Bool),
            column("small", ColumnType::Int32),
            column("large", ColumnType::Int64),
            column("ratio", ColumnType::Double),
            column("at", AT),
            column("pair", pair()),
            column("tags", ColumnType::List(Box::new(ColumnType::Text))),
            column("params", ColumnType::Map(Box::new(ColumnType::Text))),
            column("extra", ColumnType::Json),
        ];
        let arrays: [ArrayRef; 10] = [
            text(&[Some("a"), Some("")]),
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            Arc::new(Int32Array::from(vec![Some(-1), None])),
            Arc::new(Int64Array::from(vec![Some(1 << 40), None])),
            Arc::new(Float64Array::from(vec![Some(1.5), None])),
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_646_649_643_858_000), None]).with_timezone("UTC")),
            structs(&[Some("x"), None], &[None, None], &[true, false]),
            list(text(&[Some("t"), None]), &[2, 0]),
            map(&[&[("k", Some("v")), ("j", None)], &[]]),
            text(&[Some(r#"{"new":1.50}"#), None]),
        ];
        assert_eq!(HASH_VERSION, 1);
        assert_eq!(hashes(&columns, &arrays), [5_262_971_999_355_939_061, 8_862_380_558_043_098_630]);
    }

    #[test]
    fn borders_between_values_are_part_of_the_content() {
        let columns = [column("a", ColumnType::Text), column("b", ColumnType::Text)];
        let a = text(&[Some("ab"), Some("a"), Some(""), None, Some("abc"), None, Some("")]);
        let b = text(&[Some("c"), Some("bc"), Some("abc"), Some("abc"), None, None, None]);
        assert!(all_differ(&hashes(&columns, &[a, b])));

        let columns = [column("l", ColumnType::List(Box::new(ColumnType::List(Box::new(ColumnType::Text)))))];
        let inner = list(text(&[Some("a"), Some("b"), Some("a"), Some("b"), None]), &[2, 0, 1, 1, 1]);
        assert!(all_differ(&hashes(&columns, &[list(inner, &[1, 1, 2, 1, 0])])));

        let valid = [true, true, true, true, false];
        let nested = structs(&[Some("x"), None, None, Some(""), None], &[None, Some("x"), None, None, None], &valid);
        assert!(all_differ(&hashes(&[column("p", pair())], &[nested])));
    }

    #[test]
    fn entries_of_a_map_count_in_any_order() {
        let columns = [column("m", ColumnType::Map(Box::new(ColumnType::Text)))];
        let (a, b) = (("a", Some("1")), ("b", None));
        let same = hashes(&columns, &[map(&[&[a, b], &[b, a]])]);
        assert_eq!(same[0], same[1]);
        assert!(all_differ(&hashes(&columns, &[map(&[&[a, b], &[a], &[b], &[], &[("a", None), ("b", Some("1"))]])])));
    }

    #[test]
    fn a_column_that_is_added_and_null_does_not_change_the_hash() {
        let old = [column("a", ColumnType::Text), column("b", ColumnType::Text)];
        let new = [column("a", ColumnType::Text), column("between", ColumnType::Int64), column("b", ColumnType::Text)];
        let (a, b) = (text(&[Some("x"), None]), text(&[Some("y"), Some("z")]));
        let between: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1)]));
        let (before, after) = (hashes(&old, &[a.clone(), b.clone()]), hashes(&new, &[a, between, b]));
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
    }

    #[test]
    fn a_field_that_is_added_to_a_struct_and_null_does_not_change_the_hash() {
        let old = column("p", ColumnType::Struct(vec![part("l")]));
        let l = text(&[Some("x")]);
        let narrow: ArrayRef = Arc::new(StructArray::new(
            vec![arrow::datatypes::Field::new("l", DataType::Utf8, true)].into(),
            vec![l],
            None,
        ));
        let wide = structs(&[Some("x")], &[None], &[true]);
        assert_eq!(hashes(&[old], &[narrow]), hashes(&[column("p", pair())], &[wide]));
    }

    #[test]
    fn the_two_zeros_are_one() {
        let zeros: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::MIN_POSITIVE, -f64::MIN_POSITIVE]));
        let found = hashes(&[column("a", ColumnType::Double)], &[zeros]);
        assert_eq!(found[0], found[1]);
        assert!(all_differ(&found[1..]));
    }

    #[test]
    fn a_volatile_column_does_not_count() {
        let mut columns = [column("a", ColumnType::Text), column("b", ColumnType::Text)];
        columns[1].volatile = true;
        let found = hashes(&columns, &[text(&[Some("x"), Some("x"), Some("z")]), text(&[Some("1"), Some("2"), None])]);
        assert_eq!(found[0], found[1]);
        assert_ne!(found[0], found[2]);
    }

    #[test]
    fn the_same_value_counts_by_its_column_and_type_but_not_by_its_width() {
        let one = |name: &str, kind, array: ArrayRef| hashes(&[column(name, kind)], &[array])[0];
        let int32: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        let int64: ArrayRef = Arc::new(Int64Array::from(vec![7]));
        let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![7]));
        let narrow = one("a", ColumnType::Int32, int32);
        assert_eq!(narrow, one("a", ColumnType::Int64, int64.clone()));
        let others = [
            narrow,
            one("b", ColumnType::Int64, int64),
            one("a", AT, at),
            one("a", ColumnType::Text, text(&[Some("7")])),
            one("a", ColumnType::Json, text(&[Some("7")])),
        ];
        assert!(all_differ(&others));
    }
}
