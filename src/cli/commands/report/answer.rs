//! Writes the rows of reports: as a table for the terminal that it is on, with bars and lines drawn beside numbers, and in
//! every other format whole. It knows nothing of where rows come from.

use std::cell::Cell;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use unicode_width::UnicodeWidthStr;

use arrow::datatypes::{ArrowPrimitiveType, Field, Float64Type, Schema};

use crate::base::printable::printable;
use crate::base::time_zone::TimeZone;
use crate::cli::commands::report::cross::crossed;
use crate::cli::message::Failure;
use crate::cli::output::cut;
use crate::cli::output::query_format::QueryFormat;
use crate::cli::output::whole::{self, FileError, IfExists};
use crate::cli::output::wrap::wrapped;
use crate::cli::output::xlsx::{Sheet, xlsx_to};
use crate::cli::output::{self, Fit, Format, Wide};
use crate::cli::streams::{self, Streams, counted};
use crate::report::header::Cross;
use crate::report::{Layout, ReportResult};

/// Rows of a table, at most.
const TABLE_ROWS: u64 = 1_000;
/// Terminal columns of a sentence, at most: an error in it may be very long.
const SENTENCE_WIDTH_MAX: usize = 200;
/// Characters of a bar that stands for the greatest value of its column.
const BAR_WIDTH: f64 = 10.0;
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// In which form answers are written, and where to.
pub(crate) struct Form<'a> {
    pub format: QueryFormat,
    pub zone: TimeZone,
    /// Whether a table shows all columns.
    pub is_wide: bool,
    /// A file; standard output where there is none.
    pub out: Option<&'a Path>,
    pub replace: bool,
}

/// Writes the answers, each with the name of its report; several only as a workbook.
pub(crate) fn write(
    answers: &[(&str, ReportResult)],
    form: &Form<'_>,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let if_exists = if form.replace { IfExists::Replace } else { IfExists::Refuse };
    match (form.format, form.out) {
        (QueryFormat::Xlsx | QueryFormat::Parquet, None) => {
            let name = form.format.name();
            return Err(Failure::usage(
                format!("{name} is written to a file"),
                Some(format!("name it with --out FILE.{name}")),
            ));
        }
        (QueryFormat::Xlsx, Some(path)) => {
            let sheets = answers.iter();
            let sheets = sheets.map(|(name, result)| Sheet { name, schema: &result.schema, batches: &result.batches });
            let sheets: Vec<Sheet<'_>> = sheets.collect();
            xlsx_to(path, &sheets, form.zone, if_exists)?;
        }
        (QueryFormat::Parquet, Some(path)) => {
            for (_, result) in answers {
                let batches = result.batches.iter().cloned().map(Ok);
                output::parquet_to(path, &result.schema, batches, if_exists)?;
            }
        }
        (format, out) => {
            for (_, result) in answers {
                let format = format.as_text().unwrap_or_default();
                match out {
                    None => show(result, format, form, streams)?,
                    Some(path) => {
                        let whole = whole::begin(path, if_exists)?;
                        let mut file = BufWriter::new(&whole.file);
                        let shown = if is_table(format) { tabular(result, form.is_wide)? } else { result.clone() };
                        let fit = Fit { zone: form.zone, ..Fit::default() };
                        output::write_rows(shown.batches.into_iter().map(Ok), &shown.schema, format, &mut file, fit)?;
                        file.flush()?;
                        drop(file);
                        whole.finish().map_err(FileError::at(path))?;
                    }
                }
            }
        }
    }
    if let Some(path) = form.out {
        let rows: usize = answers.iter().map(|(_, result)| result.rows()).sum();
        streams.remark(&format!("{} written to {}", counted(rows as u64, "row"), path.display()));
    }
    Ok(())
}

/// Writes the rows of one answer to standard output, and its notes to standard error.
fn show(result: &ReportResult, format: Format, form: &Form<'_>, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let width = streams::terminal_width();
    let mut shown = if is_table(format) { tabular(result, form.is_wide)? } else { result.clone() };
    if format == Format::Table {
        shown = drawn(&shown, width.is_some())?;
    }
    let is_folded = is_table(format) && folding(result, form.is_wide).is_some();
    let wide = if is_folded { Wide::FirstWhole } else { Wide::FirstColumns };
    let fit = Fit { width, wide, zone: form.zone };
    let is_cut = Cell::new(false);
    let rows_max = (format == Format::Table).then_some(TABLE_ROWS);
    if let Some(sentences) = sentences(&shown).filter(|_| format == Format::Table) {
        write_sentences(&shown.schema.field(0).name().clone(), &sentences, width, streams.out)?;
        remarks(result, &shown, &[], false, streams);
        return Ok(());
    }
    let batches = output::first_rows(shown.batches.iter().cloned().map(Ok), rows_max, &is_cut);
    let left_out = output::write_rows(batches, &shown.schema, format, streams.out, fit)?;
    streams.out.flush()?;
    let left_out: Vec<String> = left_out.into_iter().filter(|name| !name.is_empty()).collect();
    remarks(result, &shown, &left_out, is_cut.get(), streams);
    Ok(())
}

/// The rows of an answer that is one column of text: sentences, which have lines of their
/// own.
fn sentences(result: &ReportResult) -> Option<Vec<String>> {
    let [_] = result.schema.fields().as_ref() else { return None };
    let texts = result.batches.iter().map(|batch| batch.column(0).as_string_opt::<i32>());
    let texts: Vec<&StringArray> = texts.collect::<Option<_>>()?;
    Some(
        texts
            .iter()
            .flat_map(|texts| texts.iter())
            .map(|text| printable(text.unwrap_or_default()).into_owned())
            .collect(),
    )
}

/// A terminal gets them wrapped, and very long ones cut in the middle.
fn write_sentences(name: &str, sentences: &[String], width: Option<u16>, out: &mut dyn Write) -> Result<(), Failure> {
    let shown = |text: &String| match width {
        Some(_) => cut::in_the_middle(text, SENTENCE_WIDTH_MAX),
        None => text.clone(),
    };
    let sentences: Vec<String> = sentences.iter().map(shown).collect();
    let longest = sentences.iter().map(|text| text.width()).max().unwrap_or_default();
    let rule = longest.clamp(name.len(), usize::from(width.unwrap_or(u16::MAX)));
    writeln!(out, "{name}\n{}", "─".repeat(rule))?;
    for text in sentences {
        writeln!(out, "{}", wrapped(&text, width))?;
    }
    out.flush()?;
    Ok(())
}

/// What a reader should know of the rows that are shown.
fn remarks(result: &ReportResult, shown: &ReportResult, left_out: &[String], is_cut: bool, streams: &Streams<'_>) {
    if result.rows_found == 0 {
        streams.remark("no rows");
    }
    let (asked, found) = (result.rows(), result.rows_found);
    if is_cut && asked < found {
        streams.remark(&format!(
            "{TABLE_ROWS} of {asked} rows are shown, and --top leaves out {} more; --out FILE writes all {asked}",
            found - asked
        ));
    } else if is_cut {
        streams.remark(&format!("{TABLE_ROWS} of {asked} rows are shown; --out FILE writes all"));
    } else if asked < found {
        streams.remark(&format!("the first {asked} of {found} rows"));
    }
    if !left_out.is_empty() {
        let columns = counted(left_out.len() as u64, "more column");
        streams.remark(&format!(
            "{columns} did not fit: {}; a wider terminal or --format csv shows them",
            left_out.join(", ")
        ));
    }
    let is_left_out = |column: &str| left_out.iter().any(|name| name == column);
    for note in shown.notes_on(|column| shown.schema.index_of(column).is_ok() && !is_left_out(column)) {
        streams.remark(&note.text);
    }
}

fn is_table(format: Format) -> bool {
    matches!(format, Format::Table | Format::Markdown)
}

/// As a table for people: folded where the report is a cross table, else without the columns that only `--wide` shows.
fn tabular(result: &ReportResult, is_wide: bool) -> Result<ReportResult, Failure> {
    match folding(result, is_wide) {
        _ if is_wide => Ok(result.clone()),
        Some(cross) => crossed(result, cross).map_err(|error| Failure::failed(error.to_string())),
        None => narrow(result),
    }
}

/// What the rows are folded by.
fn folding(result: &ReportResult, is_wide: bool) -> Option<&Cross> {
    result.layout.cross.as_ref().filter(|_| !is_wide && result.rows() > 0)
}

fn narrow(result: &ReportResult) -> Result<ReportResult, Failure> {
    let fields = result.schema.fields();
    let kept: Vec<usize> = (0..fields.len()).filter(|at| !result.layout.wide.contains(fields[*at].name())).collect();
    project(result, &kept)
}

fn project(result: &ReportResult, kept: &[usize]) -> Result<ReportResult, Failure> {
    let fault = |error: arrow::error::ArrowError| Failure::failed(error.to_string());
    let schema = Arc::new(result.schema.project(kept).map_err(fault)?);
    let batches = result.batches.iter().map(|batch| batch.project(kept)).collect::<Result<_, _>>().map_err(fault)?;
    Ok(ReportResult { schema, batches, ..result.clone() })
}

/// With a bar behind each column that has one, and lists of numbers as lines, where the terminal can show them; without
/// the lists elsewhere.
fn drawn(result: &ReportResult, is_terminal: bool) -> Result<ReportResult, Failure> {
    let Layout { bars, sparks, .. } = &result.layout;
    let fields = result.schema.fields();
    if !is_terminal {
        let kept: Vec<usize> = (0..fields.len()).filter(|at| !sparks.contains(fields[*at].name())).collect();
        return project(result, &kept);
    }
    let mut shown: Vec<Arc<Field>> = Vec::new();
    let mut columns: Vec<Vec<ArrayRef>> = vec![Vec::new(); result.batches.len()];
    for (at, field) in fields.iter().enumerate() {
        let is_spark = sparks.contains(field.name());
        shown.push(if is_spark { text_field(field.name()) } else { Arc::clone(field) });
        for (batch, columns) in result.batches.iter().zip(&mut columns) {
            let values = batch.column(at);
            columns.push(if is_spark { lines(values)? } else { Arc::clone(values) });
        }
        if bars.contains(field.name()) {
            shown.push(text_field(""));
            let numbers =
                result.batches.iter().map(|batch| numbers(batch.column(at))).collect::<Result<Vec<_>, _>>()?;
            let most = numbers.iter().flatten().flatten().copied().fold(0.0, f64::max);
            for (numbers, columns) in numbers.iter().zip(&mut columns) {
                let bars = numbers.iter().map(|number| number.map(|number| bar(number, most)));
                columns.push(Arc::new(bars.collect::<StringArray>()));
            }
        }
    }
    let schema = Arc::new(Schema::new(shown));
    let fault = |error: arrow::error::ArrowError| Failure::failed(error.to_string());
    let batches = columns.into_iter().map(|columns| RecordBatch::try_new(Arc::clone(&schema), columns));
    let batches = batches.collect::<Result<_, _>>().map_err(fault)?;
    Ok(ReportResult { schema, batches, ..result.clone() })
}

fn text_field(name: &str) -> Arc<Field> {
    let no_texts = StringArray::from(Vec::<&str>::new());
    Arc::new(Field::new(name, no_texts.data_type().clone(), true))
}

fn numbers(values: &ArrayRef) -> Result<Vec<Option<f64>>, Failure> {
    let values = cast(values, &Float64Type::DATA_TYPE).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(values.as_primitive::<Float64Type>().iter().collect())
}

/// A bar as long as the number, where `most` is as long as bars get.
fn bar(number: f64, most: f64) -> String {
    if most <= 0.0 || number <= 0.0 {
        return String::new();
    }
    let eighths = (number / most * BAR_WIDTH * 8.0).round().max(1.0) as usize;
    let mut text: String = std::iter::repeat_n('█', eighths / 8).collect();
    if !eighths.is_multiple_of(8) {
        text.push(EIGHTHS[eighths % 8 - 1]);
    }
    text
}

/// Each list of numbers as a line of blocks; a gap where a number is missing.
fn lines(values: &ArrayRef) -> Result<ArrayRef, Failure> {
    let Some(lists) = values.as_list_opt::<i32>() else { return Ok(Arc::clone(values)) };
    let texts = lists.iter().map(|list| list.map(|list| numbers(&list).map(|numbers| line(&numbers))).transpose());
    Ok(Arc::new(texts.collect::<Result<StringArray, _>>()?))
}

fn line(numbers: &[Option<f64>]) -> String {
    let most = numbers.iter().flatten().copied().fold(0.0, f64::max);
    let level = |number: &Option<f64>| match number {
        None => ' ',
        Some(number) if most <= 0.0 => LEVELS[usize::from(*number > 0.0)],
        Some(number) => LEVELS[((number / most * 7.0).round().max(0.0) as usize).min(7)],
    };
    numbers.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_vanishes() {
        assert_eq!(bar(10.0, 10.0), "██████████");
        assert_eq!(bar(5.0, 10.0), "█████");
        assert_eq!(bar(1.25, 10.0), "█▎");
        assert_eq!(bar(0.001, 10.0), "▏");
        assert_eq!(bar(0.0, 10.0), "");
        assert_eq!(bar(0.0, 0.0), "");
    }

    #[test]
    fn a_terminal_gets_the_beginning_and_the_end_of_a_very_long_sentence_and_a_pipe_all_of_it() {
        let long = format!("New error: {}end (3 jobs, 2 apps)", "word ".repeat(100));
        let written = |width| {
            let mut out = Vec::new();
            write_sentences("sentence", std::slice::from_ref(&long), width, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let shown = written(Some(80));
        assert!(shown.lines().count() <= 6 && shown.contains('…'), "{shown}");
        assert!(shown.contains("New error: ") && shown.contains("end (3 jobs, 2 apps)"), "{shown}");
        assert!(written(None).contains(&long));
    }

    #[test]
    fn a_line_rises_with_its_numbers_and_has_gaps() {
        assert_eq!(line(&[Some(0.0), Some(3.5), None, Some(7.0)]), "▁▅ █");
        assert_eq!(line(&[Some(0.0), Some(0.0)]), "▁▁");
        assert_eq!(line(&[]), "");
    }
}
