//! A message as a page of HTML for mail programs, which read tables and little else. Every text is escaped by the
//! template.

use maud::{DOCTYPE, html};

use super::text::Part;

const TABLE: &str = "border-collapse:collapse;margin:8px 0";
const HEAD: &str = "border-bottom:1px solid #888;padding:2px 12px 2px 0;text-align:left";
const CELL: &str = "border-bottom:1px solid #ddd;padding:2px 12px 2px 0;text-align:left;vertical-align:top";
const HINT: &str = "color:#666;margin:2px 0 8px 20px";

/// The title and the parts below it.
pub(super) fn page(title: &str, parts: &[Part]) -> String {
    let page = html! {
        (DOCTYPE)
        html {
            head { meta charset="utf-8"; title { (title) } }
            body style="font-family:sans-serif;font-size:14px" {
                h2 { (title) }
                @for part in parts {
                    @match part {
                        Part::Heading(text) => h3 { (text) },
                        Part::Line(text) => p { (text) },
                        Part::Item(text) => p style="margin:4px 0" { "• " (text) },
                        Part::Hint(text) => p style=(HINT) { (text) },
                        Part::Table(table) => table style=(TABLE) {
                            tr { @for column in &table.columns { th style=(HEAD) { (column) } } }
                            @for row in &table.rows { tr { @for value in row { td style=(CELL) { (value) } } } }
                        },
                    }
                }
            }
        }
    };
    page.into_string()
}
