//! What `hclake describe` shows of a table of the ledger or of a view: what the store itself says of it. It knows nothing of lists.

use serde_json::json;

use super::columns::{ColumnLine, markdown, with_columns, wrapped_columns};
use crate::cli::message::Failure;
use crate::cli::output::grid::Grid;
use crate::cli::output::wrap::wrapped;
use crate::cli::output::{self, Format};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::streams::{Streams, terminal_width};
use crate::config::Settings;
use crate::schema::OFFERED_VIEWS;
use crate::store::{self, LedgerColumn};

pub(super) fn run(name: &str, format: Format, settings: &Settings, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let path = &settings.store.value;
    let listener = Listener::begin()?;
    let reader = store::open_read_only(path)?;
    let (about, columns) =
        listener.attend(&reader, Watched::default(), |_| Ok(store::ledger_columns(&reader, name)?))?;
    if columns.is_empty() {
        let hint = "the store is of an older version; the next `hclake sync` adds the table";
        return Err(Failure::usage(format!("{} has no table {name} yet", path.display()), Some(hint.to_owned())));
    }
    let lines: Vec<ColumnLine> = columns.into_iter().map(line).collect();
    let grid = || with_columns(Grid::default(), lines.iter());
    match format {
        Format::Table => {
            let about = wrapped(&about, terminal_width());
            let kind =
                if OFFERED_VIEWS.contains(&name) { "a view for reports and BI tools" } else { "a table of the ledger" };
            writeln!(streams.out, "{name}: {kind}\n\n{about}\n")?;
            writeln!(streams.out, "{}", wrapped_columns(&lines, terminal_width()).trim_fmt())?;
        }
        Format::Markdown => write!(streams.out, "## {name}\n\n{about}\n\n{}", markdown(grid()))?,
        Format::Csv => {
            let batch = grid().batch();
            output::write([batch.clone()], batch.schema_ref(), Format::Csv, streams.out, None)?;
        }
        Format::Json => writeln!(streams.out, "{:#}", as_json(name, &about, &lines))?,
        Format::Jsonl => writeln!(streams.out, "{}", as_json(name, &about, &lines))?,
    }
    Ok(())
}

fn line(column: LedgerColumn) -> ColumnLine {
    let LedgerColumn { name, ty, is_nullable, meaning } = column;
    ColumnLine { name, ty, is_nullable, meaning, values: Vec::new() }
}

fn as_json(name: &str, about: &str, lines: &[ColumnLine]) -> serde_json::Value {
    let column = |line: &ColumnLine| json!({ "name": line.name, "type": line.ty, "nullable": line.is_nullable, "meaning": line.meaning });
    json!({ "table": name, "about": about, "columns": lines.iter().map(column).collect::<Vec<_>>() })
}
