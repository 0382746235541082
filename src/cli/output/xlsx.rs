//! Rows as sheets of an Excel workbook: numbers, dates and truth values as such, a header that stays in view, and columns
//! as wide as what they hold. Excel knows no zones, so instants are local times of one zone. It gets rows and a path.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use arrow::array::AsArray;
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, Field, Float64Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::whole::{self, FileError, IfExists};
use crate::base::clock::Timestamp;
use crate::base::time_zone::TimeZone;
use crate::cli::message::Failure;
use crate::schema::{flat, is_instant};

/// Rows that a sheet can hold, less the header.
pub(crate) const SHEET_ROWS_MAX: usize = 1_048_575;
/// Characters that a cell can hold; longer text is cut.
const CELL_CHARS_MAX: usize = 32_767;
/// Characters that the name of a sheet can have.
const SHEET_NAME_CHARS_MAX: usize = 31;
/// Whole numbers up to here are the same in a sheet.
const LARGEST_NUMBER: f64 = 999_999_999_999_999.0;
/// Width of a column at most, in characters.
const COLUMN_WIDTH_MAX: usize = 60;

/// A sheet: a name, and the rows of one answer.
pub(crate) struct Sheet<'a> {
    pub name: &'a str,
    pub schema: &'a SchemaRef,
    pub batches: &'a [RecordBatch],
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum XlsxFault {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the sheet {name} has {rows} rows; a sheet of Excel holds {SHEET_ROWS_MAX}")]
    TooManyRows { name: String, rows: usize },
    #[error("the rows could not be put into a sheet: {0}")]
    Rows(#[from] ArrowError),
    #[error("the sheet could not be made: {0}")]
    Sheet(#[from] XlsxError),
}

impl From<XlsxFault> for Failure {
    fn from(fault: XlsxFault) -> Self {
        match fault {
            XlsxFault::File(error) => Failure::usage(error.to_string(), Some(error.hint())),
            XlsxFault::TooManyRows { .. } => {
                Failure::usage(fault.to_string(), Some("--format csv has no limit".to_owned()))
            }
            fault => Failure::failed(fault.to_string()),
        }
    }
}

/// Writes a workbook to `path`, which appears there when all of it is on disk.
pub(crate) fn xlsx_to(path: &Path, sheets: &[Sheet<'_>], zone: TimeZone, if_exists: IfExists) -> Result<(), XlsxFault> {
    let mut book = Workbook::new();
    for sheet in sheets {
        fill(book.add_worksheet(), sheet, zone)?;
    }
    let bytes = book.save_to_buffer()?;
    let file = whole::begin(path, if_exists)?;
    let written = (|| -> io::Result<()> {
        let mut out = BufWriter::new(&file.file);
        out.write_all(&bytes)?;
        out.flush()
    })();
    written.map_err(FileError::at(path))?;
    file.finish().map_err(FileError::at(path))?;
    Ok(())
}

fn fill(worksheet: &mut Worksheet, sheet: &Sheet<'_>, zone: TimeZone) -> Result<(), XlsxFault> {
    let rows: usize = sheet.batches.iter().map(RecordBatch::num_rows).sum();
    if rows > SHEET_ROWS_MAX {
        return Err(XlsxFault::TooManyRows { name: sheet.name.to_owned(), rows });
    }
    worksheet.set_name(sheet.name.chars().take(SHEET_NAME_CHARS_MAX).collect::<String>())?;
    worksheet.set_freeze_panes(1, 0)?;
    let header = Format::new().set_bold();
    for (column, field) in (0_u16..).zip(sheet.schema.fields()) {
        let header =
            if field.data_type().is_numeric() { header.clone().set_align(FormatAlign::Right) } else { header.clone() };
        worksheet.write_string_with_format(0, column, title(field, zone), &header)?;
        let mut width = field.name().chars().count();
        let mut row = 1;
        for batch in sheet.batches {
            let batch = flat(batch)?;
            width = width.max(write_column(worksheet, row, column, batch.column(usize::from(column)), zone)?);
            row += batch.num_rows() as u32;
        }
        worksheet.set_column_width(column, (width.min(COLUMN_WIDTH_MAX) + 2) as f64)?;
    }
    if rows > 0 && !sheet.schema.fields().is_empty() {
        worksheet.autofilter(0, 0, rows as u32, (sheet.schema.fields().len() - 1) as u16)?;
    }
    Ok(())
}

/// The column's name, with the zone of its local times.
fn title(field: &Field, zone: TimeZone) -> String {
    match is_instant(field.data_type()) {
        true => format!("{} ({zone})", field.name()),
        false => field.name().clone(),
    }
}

/// Writes the values below each other, and returns the width that they need, in characters. NULL is an empty cell.
fn write_column(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    values: &ArrayRef,
    zone: TimeZone,
) -> Result<usize, XlsxFault> {
    let ty = values.data_type();
    let filled = (row..).zip(0..values.len()).filter(|(_, at)| values.is_valid(*at));
    if ty.is_numeric() {
        let numbers = cast(values, &Float64Type::DATA_TYPE)?;
        let numbers = numbers.as_primitive::<Float64Type>();
        let texts = ArrayFormatter::try_new(values, &FormatOptions::default())?;
        for (row, at) in filled.filter(|(_, at)| numbers.value(*at).is_finite()) {
            // Excel's numbers have 15 digits; a longer one is kept as text.
            match numbers.value(at) {
                long if long.abs() > LARGEST_NUMBER => {
                    sheet.write_string(row, column, texts.value(at).try_to_string()?)?
                }
                number => sheet.write_number(row, column, number)?,
            };
        }
        return Ok(10);
    }
    if let Some(flags) = values.as_any().downcast_ref::<BooleanArray>() {
        for (row, at) in filled {
            sheet.write_boolean(row, column, flags.value(at))?;
        }
        return Ok(5);
    }
    if ty.is_temporal()
        && let Ok(instants) = cast(values, &TimestampMicrosecondType::DATA_TYPE)
    {
        let is_day = ty.primitive_width() == Some(4);
        let format = Format::new().set_num_format(if is_day { "yyyy-mm-dd" } else { "yyyy-mm-dd hh:mm:ss" });
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        for (row, at) in filled {
            let instant = Timestamp(instants.value(at));
            let offset_s = if is_instant(ty) { zone.offset_s(instant) } else { 0 };
            match ExcelDateTime::from_timestamp(instant.0.div_euclid(1_000_000) + offset_s) {
                Ok(moment) => sheet.write_datetime_with_format(row, column, &moment, &format)?,
                Err(_) => sheet.write_string(row, column, zone.show(instant))?,
            };
        }
        return Ok(19);
    }
    let formatter = ArrayFormatter::try_new(values, &FormatOptions::default())?;
    let mut width = 0;
    for (row, at) in filled {
        let text: String = formatter.value(at).try_to_string()?.chars().take(CELL_CHARS_MAX).collect();
        width = width.max(text.chars().count());
        sheet.write_string(row, column, text)?;
    }
    Ok(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_instant_is_a_time_of_a_zone() {
        let conn = crate::store::in_memory("UTC");
        let sql = "SELECT DATE '2026-05-01' AS since, TIME '01:02:03' AS c, INTERVAL 3 DAY AS i,
            TIMESTAMP '2026-05-01 02:03:04' AS t, TIMESTAMPTZ '2026-05-01 02:03:04+00' AS at";
        let mut statement = conn.prepare(sql).unwrap();
        let schema = statement.query_arrow([]).unwrap().get_schema();
        let titles: Vec<String> = schema.fields().iter().map(|field| title(field, TimeZone::UTC)).collect();
        assert_eq!(titles, ["since", "c", "i", "t", "at (UTC)"]);
    }
}
