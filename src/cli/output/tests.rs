//! How each format writes values that are hard to write.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::csv;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use proptest::prelude::*;

use super::parquet::ExportError;
use super::whole::{FileError, IfExists, NamedFile};
use super::*;
use crate::cli::message::Failure;

/// What DuckDB answers, in a session that is not in UTC.
fn query(sql: &str) -> (SchemaRef, Vec<RecordBatch>) {
    let conn = crate::store::in_memory("Asia/Shanghai");
    let mut statement = conn.prepare(sql).unwrap();
    let arrow = statement.query_arrow([]).unwrap();
    let schema = arrow.get_schema();
    (schema, arrow.collect())
}

fn written(sql: &str, format: Format, width: Option<u16>) -> String {
    let (schema, batches) = query(sql);
    let mut out = Vec::new();
    write(batches, &schema, format, &mut out, width).unwrap();
    String::from_utf8(out).unwrap()
}

const HARD: &str = "
    SELECT * FROM (VALUES
        (1, '微信', 9223372036854775807, 33.3::DOUBLE, '2026-05-01T02:03:04Z'::TIMESTAMPTZ, true,
            {'file': 'a|b', 'size': 9007199254740993, 'at': '2026-05-01T02:03:04.5Z'::TIMESTAMPTZ},
            [1, NULL, 3], MAP {'k': 'v'}, '{\"a\": [1, 2]}'::JSON, DATE '2026-05-04', 12.50::DECIMAL(6, 2)),
        (2, 'say \"hi\", you', -9223372036854775808, 100, '2026-05-01T02:03:04.000007Z', false,
            {'file': '画图', 'size': NULL, 'at': NULL}, [], MAP {}, '\"x\"', DATE '2026-05-11', -0.05),
        (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) AS t(n, name, big, rate, \"at\", ok, nested, list, map, doc, week, price)
    ORDER BY n";

#[test]
fn hard_values_as_a_table() {
    insta::assert_snapshot!(written(HARD, Format::Table, None));
}

#[test]
fn hard_values_as_csv() {
    insta::assert_snapshot!(written(HARD, Format::Csv, None));
}

#[test]
fn hard_values_as_json() {
    let text = written(HARD, Format::Json, None);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(rows[0]["big"], i64::MAX);
    assert_eq!(rows[0]["nested"]["size"], 9_007_199_254_740_993i64);
    assert_eq!(text.lines().count(), rows.len() + 2);
    insta::assert_snapshot!(text);
}

#[test]
fn hard_values_as_markdown() {
    insta::assert_snapshot!(written(HARD, Format::Markdown, None));
}

#[test]
fn an_empty_result_still_shows_its_columns() {
    let sql = "SELECT 1 AS n, 'x' AS name, {'a': 1} AS nested WHERE false";
    let all = [Format::Table, Format::Csv, Format::Json, Format::Markdown].map(|format| written(sql, format, Some(80)));
    insta::assert_snapshot!(all.join("----\n"));
}

#[test]
fn sums_too_big_for_64_bits_and_floats_that_are_no_numbers_stay_valid_json() {
    let text = written("SELECT sum(9223372036854775807) AS s, 'NaN'::DOUBLE AS nan FROM range(3)", Format::Json, None);
    assert_eq!(text, "[\n{\"s\":27670116110564327421,\"nan\":null}\n]\n");
}

#[test]
fn enums_blobs_and_zoneless_times_have_a_text_in_every_format() {
    let sql =
        "SELECT 'SUCCESS'::ENUM ('FAIL', 'SUCCESS') AS e, 'a\\x00b'::BLOB AS b, TIMESTAMP '2026-05-01 02:03:04' AS t,
        TIME '01:02:03' AS c, INTERVAL 3 DAY AS i, uuid '00000000-0000-0000-0000-000000000001' AS u";
    let all = [Format::Table, Format::Csv, Format::Json, Format::Markdown].map(|format| written(sql, format, None));
    insta::assert_snapshot!(all.join("----\n"));
}

const WIDE: &str = "
    SELECT * FROM (VALUES
        ('企业微信桌面客户端安装程序', '01f3c9d2-5a71-4f5c-9c3a-0123456789ab', 1234, 56, 4.5, 'worse',
            'the installer could not be downloaded: connection reset by peer'),
        ('7-Zip', '9b0e', 7, 0, 0.0, 'too few', NULL)
    ) AS t(app, app_id, finished_28d_before, failed_28d_before, rate_28d_before_pct, trend, error_message)";

fn widest(text: &str) -> usize {
    text.lines().map(columns_shown).max().unwrap_or_default()
}

/// Terminal columns of a line: two for each Chinese character.
fn columns_shown(line: &str) -> usize {
    line.chars().map(|c| if ('\u{2e80}'..'\u{ff00}').contains(&c) { 2 } else { 1 }).sum()
}

#[test]
fn a_table_fits_its_width_by_stacked_names_then_by_cut_text() {
    let natural = written(WIDE, Format::Table, None);
    let needed = widest(&natural);
    let mut shown = natural.clone();
    for width in [needed, needed - 1, 120, 100, 80, 60] {
        let text = written(WIDE, Format::Table, Some(width as u16));
        assert!(widest(&text) <= width, "{width}:\n{text}");
        assert!(text.contains("1234") && text.contains("56"), "{text}");
        assert_eq!(text == natural, width == needed);
        shown += &format!("\n{width}\n{text}");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn texts_that_begin_alike_are_cut_in_the_middle_where_they_would_look_the_same() {
    let sql = "SELECT * FROM (VALUES
        ('ap-southeast-3/0a1b2c3d4e5f60718293a4b5c6d7e8f9/CREATE_SERVER', 'the package could not be fetched from the mirror'),
        ('ap-southeast-3/0a1b2c3d4e5f60718293a4b5c6d7e8f9/DELETE_SERVER', 'a'),
        ('short', 'the installer ended with a code that nobody knows')) AS t(scope, error)";
    let text = written(sql, Format::Table, Some(40));
    assert_eq!(
        text,
        "scope                error\n\
         ────────────────────────────────────────\n\
         ap-so…/CREATE_SERVER the package could …\n\
         ap-so…/DELETE_SERVER a\n\
         short                the installer ende…\n"
    );
}

#[test]
fn if_the_numbers_alone_are_too_wide_each_row_is_a_block_of_lines() {
    let sql = "SELECT * FROM (VALUES (123456789, 987654321, 'long text here\n'), (1, 2, NULL)) AS t(a, bb, c)";
    let text = written(sql, Format::Table, Some(16));
    assert_eq!(text, "a   123456789\nbb  987654321\nc   long text h…\n\na   1\nbb  2\nc\n");
    let none = written("SELECT 123456789 AS abcdefgh, 1 AS ijklmnop WHERE false", Format::Table, Some(10));
    assert_eq!(none, "abcdefgh ijklmnop\n─────────────────\n");
}

#[test]
fn chinese_columns_align_by_what_a_terminal_shows() {
    let text = written("SELECT * FROM (VALUES ('微信', 1), ('abcd', 22)) AS t(名称, n)", Format::Table, Some(80));
    assert_eq!(text, "名称   n\n────────\n微信   1\nabcd  22\n");
}

#[test]
fn a_terminal_is_never_given_a_control_character() {
    let sql = "SELECT 'a' || chr(27) || '[31mred' || chr(10) || 'b' || chr(9) || chr(155) || chr(8238) || 'x' AS \"n\u{1b}[1m\"";
    for format in [Format::Table, Format::Markdown] {
        let text = written(sql, format, Some(80));
        let raw: Vec<char> = text.chars().filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}').collect();
        assert!(raw.is_empty(), "{text}");
    }
    assert!(written(sql, Format::Table, None).contains("a\\u{1b}[31mred\\nb\\t\\u{9b}\\u{202e}x"));
    let csv = written(sql, Format::Csv, None);
    assert!(csv.contains("\u{1b}[31mred\nb\t"), "files keep values as they are: {csv:?}");
}

#[test]
fn markdown_cells_cannot_be_left_or_started_by_a_value() {
    let text = written("SELECT 'a|b\\c<script>' || chr(10) || 'd' AS \"x|y\", 1 AS n", Format::Markdown, None);
    assert_eq!(text, "| x\\|y | n |\n| --- | --: |\n| a\\|b\\\\c&lt;script><br>d | 1 |\n");
}

#[test]
fn a_closed_pipe_keeps_its_kind() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for format in [Format::Table, Format::Csv, Format::Json, Format::Markdown] {
        let (schema, batches) = query(HARD);
        let error = write(batches, &schema, format, &mut Closed, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format:?}");
    }
}

#[test]
fn rows_leave_batch_by_batch() {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let batch = |n| RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![n]))]).unwrap();
    for (format, expected) in [
        (Format::Csv, "n\n1\n2\n"),
        (Format::Json, "[\n{\"n\":1},\n{\"n\":2}\n]\n"),
        (Format::Markdown, "| n |\n| --: |\n| 1 |\n| 2 |\n"),
        (Format::Table, "n\n─\n1\n2\n"),
    ] {
        let mut out = Vec::new();
        write([batch(1), batch(2)], &schema, format, &mut out, Some(80)).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn csv_and_json_read_back_as_what_was_written(texts in prop::collection::vec(prop::option::of(any::<String>()), 1..8)) {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, false),
            Field::new("text", DataType::Utf8, true),
        ]));
        let numbers = Int64Array::from_iter_values(0..texts.len() as i64);
        let column = arrow::array::StringArray::from(texts.clone());
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers), Arc::new(column)]).unwrap();
        let mut json = Vec::new();
        write([batch.clone()], &schema, Format::Json, &mut json, None).unwrap();
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        let read: Vec<Option<String>> = rows.iter().map(|row| row["text"].as_str().map(str::to_owned)).collect();
        prop_assert_eq!(&read, &texts);

        let mut csv_bytes = Vec::new();
        write([batch.clone()], &schema, Format::Csv, &mut csv_bytes, None).unwrap();
        let reader = csv::ReaderBuilder::new(schema.clone()).with_header(true).build(csv_bytes.as_slice()).unwrap();
        let read: Vec<String> = reader.flat_map(|batch| {
            let batch = batch.unwrap();
            let column = batch.column(1).as_string::<i32>().clone();
            (0..batch.num_rows()).map(move |row| column.value(row).to_owned()).collect::<Vec<_>>()
        }).collect();
        let expected: Vec<String> = texts.iter().map(|text| text.clone().unwrap_or_default()).collect();
        prop_assert_eq!(read, expected);

        for width in [None, Some(1), Some(20), Some(80)] {
            let mut table = Vec::new();
            write([batch.clone()], &schema, Format::Table, &mut table, width).unwrap();
            let lines = String::from_utf8(table).unwrap().lines().count();
            prop_assert_eq!(lines, if width == Some(1) { 3 * texts.len() - 1 } else { texts.len() + 2 });
        }
    }
}

#[test]
fn json_refuses_two_columns_of_one_name_and_csv_keeps_both() {
    let column = || Field::new("id", DataType::Int64, false);
    let schema = Arc::new(Schema::new(vec![column(), Field::new("n", DataType::Int64, false), column()]));
    let number = |n| -> ArrayRef { Arc::new(Int64Array::from(vec![n])) };
    let batch = RecordBatch::try_new(schema.clone(), vec![number(1), number(2), number(3)]).unwrap();
    for format in [Format::Json, Format::Jsonl] {
        let mut out = Vec::new();
        let failure = Failure::from(write([batch.clone()], &schema, format, &mut out, None).unwrap_err());
        assert_eq!(failure.message, "the column id appears twice, and a JSON object has each name once");
        assert!(failure.hint.unwrap().contains("a name of its own") && out.is_empty());
    }
    let mut out = Vec::new();
    write([batch], &schema, Format::Csv, &mut out, None).unwrap();
    assert_eq!(out, b"id,n,id\n1,2,3\n");
}

/// `/dev/full` takes no byte, as a full disk.
#[test]
fn a_full_disk_is_reported_with_the_file_and_a_hint() {
    let file = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let full = NamedFile { file, path: "rows.csv".into() };
    for format in [Format::Table, Format::Csv, Format::Json, Format::Jsonl, Format::Markdown] {
        let (schema, batches) = query(HARD);
        let mut out = io::BufWriter::new(&full);
        let written = write(batches, &schema, format, &mut out, None).and_then(|()| out.flush());
        let failure = Failure::from(written.unwrap_err());
        assert!(failure.message.starts_with("rows.csv could not be written: No space left"), "{}", failure.message);
        assert!(failure.hint.unwrap().contains("have room"));
    }
}

fn whole(batches: Vec<RecordBatch>) -> impl Iterator<Item = io::Result<RecordBatch>> {
    batches.into_iter().map(Ok)
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn parquet_reads_back_with_its_types_in_utc_and_says_who_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let (schema, batches) = query(HARD);
    assert_eq!(parquet_to(&path, &schema, whole(batches.clone()), IfExists::Refuse).unwrap(), 3);
    assert_eq!(files_in(folder.path()), ["rows.parquet"]);

    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap()).unwrap();
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(reader.schema().field_with_name("at").unwrap().data_type(), &utc);
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column_by_name("big").unwrap().as_primitive::<Int64Type>().value(0), i64::MAX);
    let at = batch.column_by_name("at").unwrap().as_primitive::<TimestampMicrosecondType>().value(0);
    assert_eq!(at, 1_777_600_984_000_000);
    let nested = batch.column_by_name("nested").unwrap().as_struct();
    assert_eq!(nested.column_by_name("at").unwrap().data_type(), &utc);

    let file = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let metadata = file.metadata();
    assert!(metadata.file_metadata().created_by().unwrap().starts_with("hclake version "));
    assert_eq!(metadata.file_metadata().version(), 1);
    assert!(matches!(metadata.row_group(0).column(0).compression(), ::parquet::basic::Compression::ZSTD(_)));
}

#[test]
fn duckdb_reads_the_parquet_file_and_an_empty_one_has_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.parquet");
    let (schema, batches) = query("SELECT 1 AS n, '2026-05-01'::TIMESTAMPTZ AS at WHERE false");
    assert_eq!(parquet_to(&path, &schema, whole(batches), IfExists::Refuse).unwrap(), 0);
    let (_, rows) = query(&format!("SELECT count(*) FROM (DESCRIBE FROM '{}')", path.display()));
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 2);
}

#[test]
fn an_existing_file_stays_unless_it_is_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    fs::write(&path, "mine").unwrap();
    let (schema, batches) = query("SELECT 1 AS n");
    let error = parquet_to(&path, &schema, whole(batches.clone()), IfExists::Refuse).unwrap_err();
    assert!(matches!(error, ExportError::File(FileError::Exists(_))), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    parquet_to(&path, &schema, whole(batches), IfExists::Replace).unwrap();
    let mut magic = [0; 4];
    fs::File::open(&path).unwrap().read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"PAR1");
    assert_eq!(files_in(folder.path()), ["rows.parquet"]);
}

#[test]
fn a_file_that_appears_while_rows_are_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let (schema, batches) = query("SELECT 1 AS n");
    let meddling = batches.into_iter().inspect(|_| fs::write(&path, "theirs").unwrap());
    let error = parquet_to(&path, &schema, meddling.map(Ok), IfExists::Refuse).unwrap_err();
    assert!(matches!(error, ExportError::File(FileError::Exists(_))), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
    assert_eq!(files_in(folder.path()), ["rows.parquet"]);
}

#[test]
fn rows_that_do_not_fit_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, _) = query("SELECT 1 AS n");
    let (_, others) = query("SELECT 'x' AS other, 2 AS more");
    let path = folder.path().join("rows.parquet");
    let error = parquet_to(&path, &schema, whole(others), IfExists::Refuse).unwrap_err();
    assert!(matches!(error, ExportError::Rows { .. }), "{error}");
    assert!(files_in(folder.path()).is_empty());
    let absent = folder.path().join("no/such/rows.parquet");
    let error = parquet_to(&absent, &schema, [], IfExists::Refuse).unwrap_err();
    assert!(matches!(error, ExportError::File(FileError::File { .. })), "{error}");
}

#[test]
fn columns_whose_texts_are_not_to_be_cut_are_whole_or_left_out() {
    let sql =
        "SELECT 'Anvil IDE' AS app, '2026.2 1/79 1.3 % better' AS newest, '2026.1 9/95 9.5 % worse' AS \"1 before\"";
    let (schema, batches) = query(sql);
    let shown = |wide: Wide| {
        let mut out = Vec::new();
        let fit = Fit { width: Some(55), wide, ..Fit::default() };
        let rows = batches.clone().into_iter().map(Ok);
        let left_out = write_rows(rows, &schema, Format::Table, &mut out, fit).unwrap();
        (String::from_utf8(out).unwrap(), left_out)
    };
    let (table, left_out) = shown(Wide::FirstWhole);
    assert!(table.contains("1.3 % better") && !table.contains('…'), "{table}");
    assert_eq!(left_out, ["1 before"]);
    assert!(shown(Wide::FirstColumns).0.contains('…'));
}
