//! Rows for people: columns aligned by what a terminal shows, numbers to the right; and the same as Markdown.
//! It knows nothing of the terminal but its width.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, TableComponent, Width};

use super::cell::{flat, printable};

/// Blank terminal columns between two columns, and in a table that is short of room.
const GAP: u16 = 2;
const GAP_MIN: u16 = 1;
/// A column of text is not cut to fewer terminal columns than this, where it had as many.
const TEXT_WIDTH_MIN: u16 = 8;
/// Parts words in a cell: a character that no cell holds, so that text is cut where the room ends.
const NO_DELIMITER: char = '\0';

/// A table as wide as its values, where that fits; else one with names on several lines and text cut; else, where the
/// numbers alone are too wide, a block of lines a row.
pub fn write(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &Schema,
    out: &mut dyn Write,
    width: Option<u16>,
) -> io::Result<()> {
    let names: Vec<String> = schema.fields().iter().map(|field| printable(field.name()).into_owned()).collect();
    let mut rows = Vec::new();
    for batch in batches {
        rows.extend(texts(&batch?).map_err(io::Error::other)?);
    }
    let mut table = grid(&rows, schema);
    let value_widths = table.column_max_content_widths();
    table.set_header(&names);
    let Some(width) = width.filter(|width| total(&table.column_max_content_widths(), GAP) > u32::from(*width)) else {
        return writeln!(out, "{}", table.trim_fmt());
    };
    let needed = squeeze(&mut table, schema, &names, &value_widths, width);
    if needed > u32::from(width) && !rows.is_empty() {
        table = blocks(&rows, &names, width);
    }
    writeln!(out, "{}", table.trim_fmt())
}

fn bare() -> Table {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_truncation_indicator("…").set_delimiter(NO_DELIMITER);
    table.set_style(TableComponent::VerticalLines, ' ').set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn line<'a>(texts: impl Iterator<Item = &'a str>) -> Row {
    let mut row = Row::from(texts.map(|text| Cell::new(printable(text))).collect::<Vec<_>>());
    row.max_height(1);
    row
}

fn grid(rows: &[Vec<String>], schema: &Schema) -> Table {
    let mut table = bare();
    table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(schema.fields().iter().map(|_| ""));
    table.add_rows(rows.iter().map(|row| line(row.iter().map(String::as_str))));
    set_gap(&mut table, GAP);
    for (column, field) in table.column_iter_mut().zip(schema.fields()) {
        let numeric = field.data_type().is_numeric();
        column.set_cell_alignment(if numeric { CellAlignment::Right } else { CellAlignment::Left });
    }
    table
}

/// One blank of a gap is the line between two columns, the others are the left column's padding.
fn set_gap(table: &mut Table, gap: u16) {
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { gap - 1 }));
    }
}

fn total(widths: &[u16], gap: u16) -> u32 {
    let gaps = u32::from(gap) * widths.len().saturating_sub(1) as u32;
    widths.iter().copied().map(u32::from).sum::<u32>() + gaps
}

/// Makes a table narrower by names on several lines and by cutting text, never numbers or instants. Returns the least
/// width it can have.
fn squeeze(table: &mut Table, schema: &Schema, names: &[String], value_widths: &[u16], width: u16) -> u32 {
    let texts: Vec<bool> = schema.fields().iter().map(|field| is_text(field.data_type())).collect();
    let stacked_names = names
        .iter()
        .zip(value_widths)
        .zip(&texts)
        .map(|((name, room), text)| stacked(name, if *text { TEXT_WIDTH_MIN.min(*room) } else { *room }.into()));
    table.set_header(stacked_names.collect::<Vec<_>>());
    set_gap(table, GAP_MIN);
    let mut least = table.column_max_content_widths();
    for ((column, width), text) in table.column_iter_mut().zip(&mut least).zip(texts) {
        if text {
            *width = TEXT_WIDTH_MIN.min(*width);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*width)));
        } else {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let needed = total(&least, GAP_MIN);
    let room = u16::try_from(needed.max(width.into())).unwrap_or(u16::MAX);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(room);
    needed
}

/// For each row a line for each column, name and value, and a blank line between rows.
fn blocks(rows: &[Vec<String>], names: &[String], width: u16) -> Table {
    let mut table = bare();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            table.add_row(line(["", ""].into_iter()));
        }
        for (name, value) in names.iter().zip(row) {
            table.add_row(line([name.as_str(), value].into_iter()));
        }
    }
    set_gap(&mut table, GAP);
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table
}

fn is_text(ty: &DataType) -> bool {
    ty.is_nested() || ty.is_string() || ty.is_binary()
}

/// A name broken at underscores into lines no longer than `room` or its longest word.
fn stacked(name: &str, room: usize) -> String {
    let length = |text: &str| text.chars().count();
    let room = name.split('_').map(length).max().unwrap_or_default().max(room);
    let mut lines: Vec<String> = Vec::new();
    for word in name.split('_') {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= room => *line = format!("{line}_{word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
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
