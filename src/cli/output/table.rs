//! Rows for people: aligned columns, numbers to the right; and the same as Markdown. It knows only the width of the
//! terminal. `share` decides how narrow columns share it.

use std::borrow::Cow;
use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, TableComponent, Width};

use super::cut;
use super::share::{self, Column, Fit, Kind, Wide};
use crate::base::printable::printable;
use crate::base::time_zone::TimeZone;
use crate::schema::flat;

/// Blank terminal columns between two columns, and the same in a table that is too wide.
const GAP: u16 = 2;
const GAP_MIN: u16 = 1;
/// Separates words in a cell. No cell holds this character, so text is cut at the exact width.
const NO_DELIMITER: char = '\0';

/// A table as wide as its values, where that fits; otherwise one with names on several lines and text cut; if that is
/// too wide, the first columns, or a block of lines for each row. Returns the names of columns that are not shown.
pub(super) fn write(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &Schema,
    out: &mut dyn Write,
    fit: Fit,
) -> io::Result<Vec<String>> {
    let names: Vec<String> = schema.fields().iter().map(|field| printable(field.name()).into_owned()).collect();
    let rows = collected(batches, fit.width, fit.zone)?;
    let mut table = grid(&rows, schema);
    let value_widths = table.column_max_content_widths();
    table.set_header(&names);
    let Some(width) = fit.width.filter(|width| total(&table.column_max_content_widths(), GAP) > u32::from(*width))
    else {
        writeln!(out, "{}", table.trim_fmt())?;
        return Ok(Vec::new());
    };
    let columns = stack_names(&mut table, schema, &names, &value_widths, fit.wide);
    let shown = share::fitting(&columns, width);
    let mut left_out = Vec::new();
    if shown < columns.len() && !rows.is_empty() {
        if fit.wide == Wide::Blocks || shown < 2 {
            table = blocks(&rows, &names, width);
        } else {
            let first: Vec<usize> = (0..shown).collect();
            let first_rows: Vec<Vec<String>> = rows.iter().map(|row| row[..shown].to_vec()).collect();
            let schema = schema.project(&first).map_err(io::Error::other)?;
            table = cut_table(first_rows, &schema, &names, &value_widths, fit.wide, width);
            left_out = names[shown..].to_vec();
        }
    } else {
        table = cut_table(rows, schema, &names, &value_widths, fit.wide, width);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    Ok(left_out)
}

/// A table with names on several lines and text cut: at its end, or in the middle where two rows would look the same.
fn cut_table(
    mut rows: Vec<Vec<String>>,
    schema: &Schema,
    names: &[String],
    value_widths: &[u16],
    wide: Wide,
    width: u16,
) -> Table {
    let made = |rows: &[Vec<String>]| {
        let mut table = grid(rows, schema);
        let columns = stack_names(&mut table, schema, names, value_widths, wide);
        (table, columns)
    };
    let (mut table, columns) = made(&rows);
    let widths = share::widths(&columns, width);
    let mut is_changed = false;
    for (at, room) in widths.iter().map(|width| usize::from(*width)).enumerate() {
        let end_room = cut::end_room(rows.iter().map(|row| row[at].as_str()), room);
        if end_room > 0 {
            rows.iter_mut().for_each(|row| row[at] = cut::cut(&row[at], room, end_room));
            is_changed = true;
        }
    }
    if is_changed {
        table = made(&rows).0;
    }
    set_widths(&mut table, &widths);
    table
}

/// The text of every cell. Of one that is longer than two lines, the beginning and the end.
fn collected(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    width: Option<u16>,
    zone: TimeZone,
) -> io::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for batch in batches {
        let mut texts = texts(&batch?, zone).map_err(io::Error::other)?;
        if let Some(width) = width {
            texts.iter_mut().flatten().for_each(|text| shorten(text, usize::from(width) + 1));
        }
        for text in texts.iter_mut().flatten() {
            if let Cow::Owned(shown) = printable(text) {
                *text = shown;
            }
        }
        rows.append(&mut texts);
    }
    Ok(rows)
}

/// Leaves out the middle, of which no line has a place.
fn shorten(text: &mut String, chars: usize) {
    let beginning = text.char_indices().nth(chars).map(|(at, _)| at);
    let end = text.char_indices().rev().nth(chars - 1).map(|(at, _)| at);
    if let (Some(beginning), Some(end)) = (beginning, end)
        && beginning < end
    {
        text.replace_range(beginning..end, "…");
        text.shrink_to_fit();
    }
}

fn bare() -> Table {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_truncation_indicator("…").set_delimiter(NO_DELIMITER);
    table.set_style(TableComponent::VerticalLines, ' ').set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn line<'a>(texts: impl Iterator<Item = &'a str>) -> Row {
    let mut row = Row::from(texts.map(Cell::new).collect::<Vec<_>>());
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

/// Puts names on several lines where that makes their columns narrower. Returns the width of each column, and how narrow
/// it may become: text can be cut, numbers and instants cannot.
fn stack_names(table: &mut Table, schema: &Schema, names: &[String], value_widths: &[u16], wide: Wide) -> Vec<Column> {
    let kinds: Vec<Kind> = schema.fields().iter().map(|field| kind(field.name(), field.data_type())).collect();
    let least = |kind: Kind| share::least(kind, wide);
    let stacked_names = names.iter().zip(value_widths).zip(&kinds).map(|((name, room), kind)| {
        let room = if *kind == Kind::Whole { *room } else { least(*kind).min(*room) };
        stacked(name, room.into())
    });
    table.set_header(stacked_names.collect::<Vec<_>>());
    set_gap(table, GAP_MIN);
    let widths = table.column_max_content_widths();
    let column = |(natural, kind): (u16, Kind)| Column {
        natural,
        least: if kind == Kind::Whole { natural } else { least(kind).min(natural) },
        kind,
    };
    widths.into_iter().zip(kinds).map(column).collect()
}

fn set_widths(table: &mut Table, widths: &[u16]) {
    let needed = total(widths, GAP_MIN);
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(*width)));
    }
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(needed).unwrap_or(u16::MAX));
}

/// A line with name and value for each column of each row, and a blank line between rows.
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

fn kind(name: &str, ty: &DataType) -> Kind {
    let is_text = ty.is_nested() || ty.is_string() || ty.is_binary();
    match is_text {
        false => Kind::Whole,
        true if name == "id" || name.ends_with("_id") || name.ends_with("_hash") => Kind::Identifier,
        true => Kind::Text,
    }
}

/// A name broken at underscores into lines no longer than `room` or the longest word.
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

pub(super) fn write_markdown(
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    schema: &Schema,
    out: &mut dyn Write,
    zone: TimeZone,
) -> io::Result<()> {
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    write_markdown_row(&names, out)?;
    let rules = schema.fields().iter().map(|field| if field.data_type().is_numeric() { " --: |" } else { " --- |" });
    writeln!(out, "|{}", rules.collect::<String>())?;
    for batch in batches {
        for row in texts(&batch?, zone).map_err(io::Error::other)? {
            write_markdown_row(&row, out)?;
        }
    }
    Ok(())
}

fn write_markdown_row(texts: &[String], out: &mut dyn Write) -> io::Result<()> {
    let cells = texts.iter().map(|text| format!(" {} |", markdown(text)));
    writeln!(out, "|{}", cells.collect::<String>())
}

/// The text as a Markdown cell: characters that would end the cell or start markup are escaped.
fn markdown(text: &str) -> String {
    let lines = text.replace("\r\n", "\n");
    let lines: Vec<String> = lines.split('\n').map(|line| escape_markup(&printable(line))).collect();
    lines.join("<br>")
}

fn escape_markup(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
}

/// The text of every cell, row by row; NULL is empty.
fn texts(batch: &RecordBatch, zone: TimeZone) -> Result<Vec<Vec<String>>, ArrowError> {
    let batch = flat(batch)?;
    let zoned = if zone == TimeZone::UTC { "%Y-%m-%d %H:%M:%S%.fZ" } else { "%Y-%m-%d %H:%M:%S%.f%:z" };
    let options =
        FormatOptions::new().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f")).with_timestamp_tz_format(Some(zoned));
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows())
        .map(|row| formatters.iter().map(|column| column.value(row).try_to_string()).collect())
        .collect()
}
