//! The formats of answers, and which one applies: the one of `--format`, or the one that the file's name ends in.
//! If the two differ, it is an error.

use std::path::Path;

use clap::ValueEnum;

use super::rows::Format;
use crate::cli::message::Failure;

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum QueryFormat {
    /// Aligned columns, long values cut to the terminal's width; the first 1,000 rows unless --limit says otherwise
    Table,
    /// RFC 4180, lines ended by a line feed
    Csv,
    /// An array of objects, one a line; NaN and infinity, which JSON does not have, as null
    Json,
    /// An object a line, and nothing else
    Jsonl,
    /// A table for GitHub and the like
    Markdown,
    /// A Parquet file, written whole to --out
    Parquet,
    /// An Excel workbook, written whole to --out
    Xlsx,
}

impl QueryFormat {
    const ALL: [QueryFormat; 7] = [
        QueryFormat::Table,
        QueryFormat::Csv,
        QueryFormat::Json,
        QueryFormat::Jsonl,
        QueryFormat::Markdown,
        QueryFormat::Parquet,
        QueryFormat::Xlsx,
    ];

    /// `None` for Parquet and Excel, which are not text.
    pub(crate) fn as_text(self) -> Option<Format> {
        match self {
            QueryFormat::Table => Some(Format::Table),
            QueryFormat::Csv => Some(Format::Csv),
            QueryFormat::Json => Some(Format::Json),
            QueryFormat::Jsonl => Some(Format::Jsonl),
            QueryFormat::Markdown => Some(Format::Markdown),
            QueryFormat::Parquet | QueryFormat::Xlsx => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            QueryFormat::Table => "table",
            QueryFormat::Csv => "csv",
            QueryFormat::Json => "json",
            QueryFormat::Jsonl => "jsonl",
            QueryFormat::Markdown => "markdown",
            QueryFormat::Parquet => "parquet",
            QueryFormat::Xlsx => "xlsx",
        }
    }

    /// Endings of file names, without the dot; the first is the usual one.
    fn endings(self) -> &'static [&'static str] {
        match self {
            QueryFormat::Table => &["txt"],
            QueryFormat::Csv => &["csv"],
            QueryFormat::Json => &["json"],
            QueryFormat::Jsonl => &["jsonl", "ndjson"],
            QueryFormat::Markdown => &["md", "markdown"],
            QueryFormat::Parquet => &["parquet"],
            QueryFormat::Xlsx => &["xlsx"],
        }
    }
}

impl From<Format> for QueryFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => QueryFormat::Table,
            Format::Csv => QueryFormat::Csv,
            Format::Json => QueryFormat::Json,
            Format::Jsonl => QueryFormat::Jsonl,
            Format::Markdown => QueryFormat::Markdown,
        }
    }
}

/// The format of the answer. A file whose name ends in one format never gets another.
pub(crate) fn format_of(asked: Option<QueryFormat>, out: Option<&Path>) -> Result<QueryFormat, Failure> {
    let Some(out) = out else { return Ok(asked.unwrap_or(QueryFormat::Table)) };
    let ending = out.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    let named = QueryFormat::ALL.into_iter().find(|format| format.endings().contains(&ending.as_str()));
    match (asked, named) {
        (Some(asked), Some(named)) if asked != named => Err(Failure::usage(
            format!("--format is {}, and {} is named as {}", asked.name(), out.display(), named.name()),
            Some(format!(
                "name it {}, or omit --format",
                out.with_extension(asked.endings().first().unwrap_or(&"txt")).display()
            )),
        )),
        (Some(format), _) | (None, Some(format)) => Ok(format),
        // No name of a file, which is said where the file is checked.
        (None, None) if out.as_os_str() == "-" => Ok(QueryFormat::Table),
        (None, None) => {
            let endings: Vec<String> =
                QueryFormat::ALL.iter().filter_map(|f| f.endings().first()).map(|e| format!(".{e}")).collect();
            Err(Failure::usage(
                format!("the name {} does not say in which format the rows are to be written", out.display()),
                Some(format!("let it end in one of {}, or add --format", endings.join(" "))),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::exit::Exit;

    #[test]
    fn the_format_follows_the_ending_of_the_name() {
        for (name, format) in [
            ("a.parquet", QueryFormat::Parquet),
            ("a.PARQUET", QueryFormat::Parquet),
            ("b.c/a.csv", QueryFormat::Csv),
            ("a.json", QueryFormat::Json),
            ("a.jsonl", QueryFormat::Jsonl),
            ("a.ndjson", QueryFormat::Jsonl),
            ("a.md", QueryFormat::Markdown),
            ("a.txt", QueryFormat::Table),
            ("a.xlsx", QueryFormat::Xlsx),
        ] {
            assert_eq!(format_of(None, Some(Path::new(name))).unwrap(), format, "{name}");
            assert_eq!(format_of(Some(format), Some(Path::new(name))).unwrap(), format, "{name}");
        }
        assert_eq!(format_of(None, None).unwrap(), QueryFormat::Table);
        assert_eq!(format_of(Some(QueryFormat::Csv), Some(Path::new("a.tsv"))).unwrap(), QueryFormat::Csv);
    }

    #[test]
    fn a_name_and_a_format_that_differ_are_both_named_and_no_format_is_guessed() {
        let failure = format_of(Some(QueryFormat::Csv), Some(Path::new("x/a.parquet"))).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(
            failure.text(),
            "error: --format is csv, and x/a.parquet is named as parquet\n\
             hint: name it x/a.csv, or omit --format"
        );
        for name in ["a", "a.tsv", ".parquet", "a.parquet.bak"] {
            let failure = format_of(None, Some(Path::new(name))).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.text().contains(".txt .csv .json .jsonl .md .parquet .xlsx"), "{}", failure.text());
        }
    }

    #[test]
    fn the_formats_are_named_as_on_the_command_line() {
        for format in QueryFormat::ALL {
            assert_eq!(format.to_possible_value().unwrap().get_name(), format.name());
        }
        assert_eq!(QueryFormat::ALL.len(), QueryFormat::value_variants().len());
    }
}
