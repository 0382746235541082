//! Rows for people: columns aligned by what a terminal shows, numbers to the right; and the same as Markdown.
//! It knows nothing of the terminal but its width.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, TableComponent, Width};

use super::cell::{flat, printable};

/// Blank terminal columns between two columns of a table.
const GAP: u16 = 2;
/// A column of text is not cut to fewer terminal columns than this, where it had as many.
const TEXT_WIDTH_MIN: u16 = 8;
/// Parts words in a cell: a character that no cell holds, so that text is cut where the room ends.
const NO_DELIMITER: char = '\0';

pub fn write(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &Schema,
    out: &mut dyn Write,
    width: Option<u16>,
) -> io::Result<()> {
    let mut table = Table::new();
    for batch in batches {
        for row in texts(&batch?).map_err(io::Error::other)? {
            let mut row = Row::from(row.iter().map(|text| Cell::new(printable(text))).collect::<Vec<_>>());
            row.max_height(1);
            table.add_row(row);
        }
    }
    let names: Vec<String> = schema.fields().iter().map(|field| printable(field.name()).into_owned()).collect();
    lay_out(&mut table, schema, &names, width);
    writeln!(out, "{}", table.trim_fmt())
}

fn lay_out(table: &mut Table, schema: &Schema, names: &[String], width: Option<u16>) {
    let value_widths = table.column_max_content_widths();
    table.set_header(names).load_preset(comfy_table::presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─').set_truncation_indicator("…");
    table.set_delimiter(NO_DELIMITER).set_content_arrangement(ContentArrangement::Disabled);
    let last = names.len().saturating_sub(1);
    for (index, (column, field)) in table.column_iter_mut().zip(schema.fields()).enumerate() {
        column.set_padding((0, if index == last { 0 } else { GAP }));
        column.set_cell_alignment(if field.data_type().is_numeric() {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        });
    }
    let Some(width) = width else { return };
    let gaps = u32::from(GAP) * last as u32;
    let natural: u32 = table.column_max_content_widths().into_iter().map(u32::from).sum();
    if natural + gaps > u32::from(width) {
        squeeze(table, schema, names, &value_widths, width);
    }
}

/// Makes a table narrower: first by names on several lines, then by cutting text. Numbers and instants are never cut.
fn squeeze(table: &mut Table, schema: &Schema, names: &[String], value_widths: &[u16], width: u16) {
    let room = |index: usize| value_widths.get(index).copied().unwrap_or_default();
    table.set_header(names.iter().enumerate().map(|(index, name)| stacked(name, room(index).into())));
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    let content_widths = table.column_max_content_widths();
    for (index, (column, field)) in table.column_iter_mut().zip(schema.fields()).enumerate() {
        column.set_constraint(if is_text(field.data_type()) {
            ColumnConstraint::LowerBoundary(Width::Fixed(content_widths[index].min(TEXT_WIDTH_MIN)))
        } else {
            ColumnConstraint::ContentWidth
        });
    }
}

fn is_text(ty: &DataType) -> bool {
    ty.is_nested() || ty.is_string() || ty.is_binary()
}

/// A name broken after underscores into lines no longer than `room` or its longest word.
fn stacked(name: &str, room: usize) -> String {
    let words = || name.split_inclusive('_');
    let length = |text: &str| text.chars().count();
    let room = words().map(length).max().unwrap_or_default().max(room);
    let mut text = String::new();
    let mut used = 0;
    for word in words() {
        if used > 0 && used + length(word) > room {
            text.push('\n');
            used = 0;
        }
        text.push_str(word);
        used += length(word);
    }
    text
}

pub fn write_markdown(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &Schema,
    out: &mut dyn Write,
) -> io::Result<()> {
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    write_markdown_row(&names, out)?;
    let rules = schema.fields().iter().map(|field| if field.data_type().is_numeric() { " --: |" } else { " --- |" });
    writeln!(out, "|{}", rules.collect::<String>())?;
    for batch in batches {
        for row in texts(&batch?).map_err(io::Error::other)? {
            write_markdown_row(&row, out)?;
        }
    }
    Ok(())
}

fn write_markdown_row(texts: &[String], out: &mut dyn Write) -> io::Result<()> {
    let cells = texts.iter().map(|text| format!(" {} |", markdown(text)));
    writeln!(out, "|{}", cells.collect::<String>())
}

/// The text as it reads in a Markdown cell: what would end the cell or start markup is escaped.
fn markdown(text: &str) -> String {
    let lines = text.replace("\r\n", "\n");
    let lines: Vec<String> = lines.split('\n').map(|line| escape_markup(&printable(line))).collect();
    lines.join("<br>")
}

fn escape_markup(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
}

/// The text of every cell, row by row; NULL is empty.
fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let batch = flat(batch)?;
    let options = FormatOptions::new()
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.fZ"));
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows())
        .map(|row| formatters.iter().map(|column| column.value(row).try_to_string()).collect())
        .collect()
}
