//! The values read so far, column by column, in buffers that become Arrow arrays. Every column can be truncated to a
//! number of rows, so that a record that fails half-way leaves nothing behind. It knows nothing of JSON.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow::datatypes::{FieldRef, Fields, Float64Type, Int32Type, Int64Type};

use super::extra::canonical;
use super::fault::{Fault, Shown};
use super::numbers;
use super::object::Object;
use super::scalars::{
    BoolColumn, ElapsedColumn, FutureCounter, Offsets, PrimitiveColumn, TextColumn, TimeColumn, Validity,
};
use crate::catalog::spec;
use crate::schema::{self, ColumnType};

pub(super) enum Column {
    Text(TextColumn),
    /// Text, of which some stand for no value.
    TextOrNone(TextColumn, Vec<String>),
    Json(TextColumn),
    Bool(BoolColumn),
    Int32(PrimitiveColumn<Int32Type>),
    Int64(PrimitiveColumn<Int64Type>),
    Double(PrimitiveColumn<Float64Type>),
    Time(TimeColumn),
    Elapsed(ElapsedColumn),
    Struct(StructColumn),
    List(ListColumn),
    Map(MapColumn),
}

/// How times are read.
#[derive(Clone, Copy)]
pub(super) struct Times<'a> {
    /// The offset of times that CodeArts writes without a zone.
    pub codearts_offset_s: i32,
    /// Texts that stand for no time, in any column.
    pub none: &'a [String],
}

impl Column {
    /// A column of a record.
    pub(super) fn new(declared: &spec::Column, times: Times<'_>) -> Column {
        let mut column = match &declared.ty {
            ColumnType::Elapsed => Column::Elapsed(ElapsedColumn::default()),
            ColumnType::Text if !declared.none.is_empty() => {
                Column::TextOrNone(TextColumn::default(), declared.none.clone())
            }
            other => Column::nested(other, times),
        };
        if let Column::Time(column) = &mut column {
            column.add_none(&declared.none);
            if declared.zone_column.is_some() {
                column.expect_zone_elsewhere();
            }
        }
        column
    }

    /// A value within a value, where an elapsed time is only its text.
    fn nested(ty: &ColumnType, times: Times<'_>) -> Column {
        let boxed = |ty| Box::new(Column::nested(ty, times));
        match ty {
            ColumnType::Text | ColumnType::Elapsed => Column::Text(TextColumn::default()),
            ColumnType::Json => Column::Json(TextColumn::default()),
            ColumnType::Bool => Column::Bool(BoolColumn::default()),
            ColumnType::Int32 => Column::Int32(PrimitiveColumn::default()),
            ColumnType::Int64 => Column::Int64(PrimitiveColumn::default()),
            ColumnType::Double => Column::Double(PrimitiveColumn::default()),
            ColumnType::Timestamp(form) => {
                let mut column = TimeColumn::new(*form, times.codearts_offset_s);
                column.add_none(times.none);
                Column::Time(column)
            }
            ColumnType::Struct(fields) => Column::Struct(StructColumn {
                object: Object::of_paths(fields.iter().map(|field| field.path.as_slice())),
                fields: fields.iter().map(|field| Column::nested(&field.ty, times)).collect(),
                validity: Validity::default(),
                ty: schema::struct_fields(fields),
            }),
            ColumnType::List(item) => Column::List(ListColumn {
                offsets: Offsets::default(),
                item: boxed(item),
                validity: Validity::default(),
                ty: schema::item_field(item),
            }),
            ColumnType::Map(value) => Column::Map(MapColumn {
                offsets: Offsets::default(),
                keys: TextColumn::default(),
                values: boxed(value),
                validity: Validity::default(),
                entry: schema::entry_fields(value),
            }),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.validity().len()
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        !self.validity().is_valid(row)
    }

    pub(super) fn is_empty_text(&self, row: usize) -> bool {
        matches!(self, Column::Text(column) | Column::TextOrNone(column, _) if column.text(row).is_empty())
    }

    /// The value as the store writes a key; `None` if a key cannot have the column's type.
    pub(super) fn key_text(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Column::Text(column) | Column::TextOrNone(column, _) => {
                std::str::from_utf8(column.text(row)).ok().map(Cow::Borrowed)
            }
            Column::Int32(column) => Some(column.value(row).to_string().into()),
            Column::Int64(column) => Some(column.value(row).to_string().into()),
            _ => None,
        }
    }

    /// Whether a value is one text, number or truth value.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self, Column::Struct(_) | Column::List(_) | Column::Map(_))
    }

    /// The declared type, for messages.
    pub(super) fn wanted(&self) -> &'static str {
        match self {
            Column::Text(_) | Column::TextOrNone(..) => "text",
            Column::Json(_) => "any value",
            Column::Bool(_) => "true or false",
            Column::Int32(_) => "an integer of 32 bits",
            Column::Int64(_) => "an integer of 64 bits",
            Column::Double(_) => "a number",
            Column::Time(column) if column.is_written() => "a time as text",
            Column::Time(_) => "a time as a number",
            Column::Elapsed(_) => "an elapsed time",
            Column::Struct(_) => "an object",
            Column::List(_) => "a list",
            Column::Map(_) => "an object",
        }
    }

    fn validity(&self) -> &Validity {
        match self {
            Column::Text(column) | Column::TextOrNone(column, _) | Column::Json(column) => &column.validity,
            Column::Bool(column) => &column.validity,
            Column::Int32(column) => &column.validity,
            Column::Int64(column) => &column.validity,
            Column::Double(column) => &column.validity,
            Column::Time(column) => column.validity(),
            Column::Elapsed(column) => column.validity(),
            Column::Struct(column) => &column.validity,
            Column::List(column) => &column.validity,
            Column::Map(column) => &column.validity,
        }
    }

    pub(super) fn push_null(&mut self) {
        match self {
            Column::Text(column) | Column::TextOrNone(column, _) | Column::Json(column) => column.push_null(),
            Column::Bool(column) => column.push(None),
            Column::Int32(column) => column.push(None),
            Column::Int64(column) => column.push(None),
            Column::Double(column) => column.push(None),
            Column::Time(column) => column.push_null(),
            Column::Elapsed(column) => column.push_null(),
            Column::Struct(column) => {
                column.fields.iter_mut().for_each(Column::push_null);
                column.validity.append_null();
            }
            Column::List(column) => {
                column.offsets.close(column.item.len());
                column.validity.append_null();
            }
            Column::Map(column) => {
                column.offsets.close(column.keys.len());
                column.validity.append_null();
            }
        }
    }

    pub(super) fn push_text(&mut self, text: &str, future: &mut FutureCounter) -> Result<(), Fault> {
        let unfit = |wanted| Fault::Value(Shown::text(text), wanted);
        let wanted = self.wanted();
        match self {
            Column::TextOrNone(column, none) if none.iter().any(|none| none == text) => column.push_null(),
            Column::Text(column) | Column::TextOrNone(column, _) => column.push(text)?,
            Column::Time(column) => column.push_text(text, future)?,
            Column::Elapsed(column) => column.push(text)?,
            Column::Bool(column) => column.push(Some(text.parse().map_err(|_| unfit(wanted))?)),
            Column::Int32(_) | Column::Int64(_) => {
                let value = numbers::integer(text).ok_or_else(|| unfit(wanted))?;
                self.push_integer(value.into(), future)?;
            }
            Column::Double(column) => column.push(Some(numbers::double(text).ok_or_else(|| unfit(wanted))?)),
            Column::Json(_) | Column::Struct(_) | Column::List(_) | Column::Map(_) => return Err(self.wrong("text")),
        }
        Ok(())
    }

    pub(super) fn push_bool(&mut self, value: bool) -> Result<(), Fault> {
        match self {
            Column::Bool(column) => column.push(Some(value)),
            Column::Text(column) | Column::TextOrNone(column, _) => {
                column.push(if value { "true" } else { "false" })?
            }
            _ => return Err(self.wrong("a truth value")),
        }
        Ok(())
    }

    /// Adds a number that was written as this integer.
    pub(super) fn push_integer(&mut self, value: i128, future: &mut FutureCounter) -> Result<(), Fault> {
        let wanted = self.wanted();
        let outside = |_| Fault::Value(Shown::number(&value.to_string()), wanted);
        match self {
            Column::Text(column) | Column::TextOrNone(column, _) => column.push_integer(value),
            Column::Int32(column) => column.push(Some(value.try_into().map_err(outside)?)),
            Column::Int64(column) => column.push(Some(value.try_into().map_err(outside)?)),
            Column::Time(column) => column.push_integer(value.try_into().map_err(outside)?, future)?,
            _ => return Err(self.wrong("a number")),
        }
        Ok(())
    }

    /// Adds a number by its digits as written.
    pub(super) fn push_digits(&mut self, digits: &str, future: &mut FutureCounter) -> Result<(), Fault> {
        let wanted = self.wanted();
        let unfit = || Fault::Value(Shown::number(digits), wanted);
        match self {
            Column::Text(column) | Column::TextOrNone(column, _) => column.push(digits)?,
            Column::Int32(_) | Column::Int64(_) => {
                self.push_integer(numbers::integer(digits).ok_or_else(unfit)?.into(), future)?;
            }
            Column::Double(column) => column.push(Some(numbers::double(digits).ok_or_else(unfit)?)),
            Column::Time(column) if !column.is_written() => {
                column.push_integer(numbers::integer(digits).ok_or_else(unfit)?, future)?;
            }
            _ => return Err(self.wrong("a number")),
        }
        Ok(())
    }

    /// Adds any value as canonical JSON, if the column takes it; null is no value.
    pub(super) fn push_json(&mut self, raw: &str) -> Result<(), Fault> {
        match self {
            Column::Json(column) if raw == "null" => column.push_null(),
            Column::Json(column) => {
                let mut text = String::with_capacity(raw.len());
                canonical(raw, 0, &mut text)?;
                column.push_any_length(&text);
            }
            _ => return Err(self.wrong("JSON")),
        }
        Ok(())
    }

    /// The fault for a value of another kind than the declared type.
    pub(super) fn wrong(&self, found: &'static str) -> Fault {
        Fault::Kind { found, wanted: self.wanted() }
    }

    /// Keeps the first `rows` rows.
    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Column::Text(column) | Column::TextOrNone(column, _) | Column::Json(column) => column.truncate(rows),
            Column::Bool(column) => column.truncate(rows),
            Column::Int32(column) => column.truncate(rows),
            Column::Int64(column) => column.truncate(rows),
            Column::Double(column) => column.truncate(rows),
            Column::Time(column) => column.truncate(rows),
            Column::Elapsed(column) => column.truncate(rows),
            Column::Struct(column) => {
                column.fields.iter_mut().for_each(|field| field.truncate(rows));
                column.validity.truncate(rows);
            }
            Column::List(column) => {
                column.item.truncate(column.offsets.truncate(rows));
                column.validity.truncate(rows);
            }
            Column::Map(column) => {
                let entries = column.offsets.truncate(rows);
                column.keys.truncate(entries);
                column.values.truncate(entries);
                column.validity.truncate(rows);
            }
        }
    }

    /// Adds the column's array, or the two arrays of an elapsed time, to `arrays`, and empties the column.
    pub(super) fn finish_into(&mut self, arrays: &mut Vec<ArrayRef>) {
        match self {
            Column::Text(column) | Column::TextOrNone(column, _) | Column::Json(column) => arrays.push(column.finish()),
            Column::Bool(column) => arrays.push(column.finish()),
            Column::Int32(column) => arrays.push(column.finish()),
            Column::Int64(column) => arrays.push(column.finish()),
            Column::Double(column) => arrays.push(column.finish()),
            Column::Time(column) => arrays.push(column.finish()),
            Column::Elapsed(column) => arrays.extend(column.finish()),
            Column::Struct(column) => {
                let rows = column.validity.len();
                let fields = finish_all(&mut column.fields);
                let nulls = column.validity.finish();
                let array = StructArray::try_new_with_length(column.ty.clone(), fields, nulls, rows);
                arrays.push(Arc::new(array.expect("a struct's fields are as long as it is")));
            }
            Column::List(column) => {
                let items = finish_one(&mut column.item);
                let nulls = column.validity.finish();
                arrays.push(Arc::new(ListArray::new(column.ty.clone(), column.offsets.finish(), items, nulls)));
            }
            Column::Map(column) => {
                let entries = vec![column.keys.finish(), finish_one(&mut column.values)];
                let entries = StructArray::new(column.entry.clone(), entries, None);
                let field = schema::entries_field(column.entry.clone());
                let nulls = column.validity.finish();
                let array = MapArray::new(field, column.offsets.finish(), entries, nulls, false);
                arrays.push(Arc::new(array));
            }
        }
    }
}

pub(super) fn finish_all(columns: &mut [Column]) -> Vec<ArrayRef> {
    let mut arrays = Vec::with_capacity(columns.len() + 2);
    columns.iter_mut().for_each(|column| column.finish_into(&mut arrays));
    arrays
}

fn finish_one(column: &mut Column) -> ArrayRef {
    let mut arrays = finish_all(std::slice::from_mut(column));
    arrays.pop().expect("a column gives an array")
}

pub(super) struct StructColumn {
    pub object: Object,
    pub fields: Vec<Column>,
    pub validity: Validity,
    ty: Fields,
}

impl StructColumn {
    /// Ends a row: missing fields are NULL.
    pub(super) fn close(&mut self) {
        let rows = self.validity.len();
        self.fields.iter_mut().filter(|field| field.len() == rows).for_each(Column::push_null);
        self.validity.append_non_null();
    }
}

pub(super) struct ListColumn {
    offsets: Offsets,
    pub item: Box<Column>,
    validity: Validity,
    ty: FieldRef,
}

impl ListColumn {
    pub(super) fn close(&mut self) {
        self.offsets.close(self.item.len());
        self.validity.append_non_null();
    }
}

pub(super) struct MapColumn {
    offsets: Offsets,
    pub keys: TextColumn,
    pub values: Box<Column>,
    validity: Validity,
    entry: Fields,
}

impl MapColumn {
    /// Ends a row. The error is a key that appears in it twice.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let start = self.offsets.start(self.validity.len());
        let mut keys: Vec<&[u8]> = (start..self.keys.len()).map(|entry| self.keys.text(entry)).collect();
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(String::from_utf8_lossy(pair[0]).into_owned());
        }
        self.offsets.close(self.keys.len());
        self.validity.append_non_null();
        Ok(())
    }

    /// The key read last.
    pub(super) fn last_key(&self) -> String {
        self.keys
            .len()
            .checked_sub(1)
            .map_or_else(String::new, |entry| String::from_utf8_lossy(self.keys.text(entry)).into_owned())
    }
}
