//! Columns of a table for people: as rows, as a wrapped table and as Markdown. It knows neither the catalog nor the store.

use comfy_table::{ContentArrangement, Table, TableComponent, presets};

use crate::cli::output::grid::Grid;
use crate::cli::output::{self, Format};

/// A column for people: one of the API's, one that hclake derives, or one of the ledger.
pub(crate) struct ColumnLine {
    pub name: String,
    pub ty: String,
    pub is_nullable: bool,
    pub meaning: String,
    pub values: Vec<String>,
}

pub(crate) fn with_columns<'a>(grid: Grid, lines: impl Iterator<Item = &'a ColumnLine> + Clone) -> Grid {
    let nullable = |line: &ColumnLine| Some(if line.is_nullable { "yes" } else { "no" });
    grid.texts("column", lines.clone().map(|line| Some(line.name.as_str())))
        .texts("type", lines.clone().map(|line| Some(line.ty.as_str())))
        .texts("null", lines.clone().map(nullable))
        .texts("meaning", lines.map(|line| Some(line.meaning.as_str())))
}

/// The columns with nothing cut: on a narrow terminal, types and meanings continue on the next line.
pub(super) fn wrapped_columns(lines: &[ColumnLine], width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─').set_header(["column", "type", "null", "meaning"]);
    for ColumnLine { name, ty, is_nullable, meaning, .. } in lines {
        table.add_row([name.as_str(), ty, if *is_nullable { "yes" } else { "no" }, meaning]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

pub(super) fn markdown(grid: Grid) -> String {
    let batch = grid.batch();
    let mut text = Vec::new();
    let schema = batch.schema();
    output::write([batch], &schema, Format::Markdown, &mut text, None).expect("memory takes what is written");
    String::from_utf8(text).expect("Markdown is text")
}
