//! `hclake query`: one SQL statement over the store, read-only, in any of the output formats.

use std::fs::File;
use std::io::{BufWriter, Read, Write, stdin};
use std::path::Path;

use super::args::{Global, QueryArgs, QueryFormat};
use super::message::Failure;
use super::output::parquet::IfExists;
use super::{Streams, output};
use crate::config::{self, Environment};
use crate::store;

pub(super) fn run(
    global: &Global,
    args: &QueryArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<u8, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let connection = store::open_read_only(&settings.store.value)?;
    let sql = if args.sql == "-" { read_stdin()? } else { args.sql.clone() };
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_arrow([])?;
    let schema = rows.get_schema();
    let batches: Vec<_> = rows.collect();
    let shown = batches.iter().cloned();
    match (args.format.as_text(), &args.out) {
        (None, None) => {
            return Err(Failure::usage("parquet is written to a file", Some("name it with --out FILE".to_owned())));
        }
        (None, Some(path)) => {
            let if_exists = if args.replace { IfExists::Replace } else { IfExists::Refuse };
            output::parquet_to(path, &schema, shown, if_exists)
                .map_err(|error| Failure::usage(error.to_string(), error.hint()))?;
        }
        (Some(format), Some(path)) => {
            let mut file = BufWriter::new(create(path, args.replace)?);
            output::write(shown, &schema, format, &mut file, None)?;
            file.flush()?;
        }
        (Some(format), None) => output::write(shown, &schema, format, streams.out, super::terminal_width())?,
    }
    if args.format == QueryFormat::Table && args.out.is_none() {
        let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        streams.remark(&format!("{rows} row{}", if rows == 1 { "" } else { "s" }));
    }
    Ok(0)
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

fn create(path: &Path, replace: bool) -> Result<File, Failure> {
    let opened = if replace { File::create(path) } else { File::create_new(path) };
    opened.map_err(|error| {
        let hint = (error.kind() == std::io::ErrorKind::AlreadyExists).then(|| "--replace overwrites it".to_owned());
        Failure::usage(format!("{} cannot be written: {error}", path.display()), hint)
    })
}
