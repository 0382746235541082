//! What the fuzzer and the ordinary tests both run: each target takes any bytes and checks a law of one reader of outside
//! text.

use std::sync::LazyLock;

use bytes::Bytes;
use hclake::base::clock::Timestamp;
use hclake::base::{retry_after, time};
use hclake::catalog::Catalog;
use hclake::cloud::Reply;
use hclake::cloud::error_body;
use hclake::cloud::retry;
use hclake::config::{self, Environment, Flags};
use hclake::normalize::{DecodeSettings, Decoder};
use hclake::report::header;
use hclake::sweep::Envelope;

pub type Target = fn(&[u8]);

/// Each target with its name, which is also that of its folder of inputs.
pub const TARGETS: [(&str, Target); 8] = [
    ("envelope", envelope),
    ("rows", rows),
    ("times", times),
    ("errors", errors),
    ("config", configuration),
    ("catalog", catalog),
    ("retry_after", retry_after),
    ("report_header", report_header),
];

const NOW: Timestamp = Timestamp(1_798_761_600_000_000);

static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| Catalog::builtin().expect("the catalog is sound"));

/// A page is split into whole records, and its facts are those of the records.
fn envelope(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    for endpoint in BUILTIN.endpoints() {
        let envelope = Envelope::new(endpoint);
        let Ok((page, facts)) = envelope.read(&Reply::of_body(&body)) else { continue };
        for (index, row) in (0..).zip(&facts.rows) {
            let text = page.row(index);
            assert_eq!(text, text.trim(), "a record is cut out whole");
            assert_eq!(row.key.is_some(), envelope.key_in(&page, index).is_some());
        }
    }
}

/// Each line is a record: it is kept or its fault is named, and a second reading gives the same.
fn rows(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let rows: Vec<&str> = text.lines().collect();
    for endpoint in BUILTIN.endpoints() {
        let mut decoder = Decoder::new(endpoint, DecodeSettings { codearts_offset_s: 28_800 });
        let decoded = decoder.decode(&rows, NOW);
        assert_eq!(decoded.good.len() + decoded.bad.len(), rows.len());
        assert_eq!(decoded.batch.num_rows(), decoded.good.len());
        let kept: Vec<&str> = decoded.good.iter().map(|index| rows[*index as usize]).collect();
        let again = decoder.decode(&kept, NOW);
        assert_eq!(again.batch, decoded.batch, "good records are good by themselves");
    }
}

/// An instant that was read and written is read as the same instant again.
fn times(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for offset_s in [0, 28_800, -64_800] {
        if let Ok(at) = time::parse_instant(text, offset_s) {
            let within_four_digits = at.to_string().len() == "2026-01-01T00:00:00.000000Z".len();
            assert!(!within_four_digits || time::parse_instant(&at.to_string(), offset_s) == Ok(at), "{text}: {at}");
        }
    }
    if let Ok(seconds) = time::parse_elapsed(text) {
        assert!(seconds >= 0);
    }
    if let Ok(number) = text.trim().parse() {
        let _ = (time::from_epoch_seconds(number), time::from_epoch_millis(number));
    }
}

/// Every error of a service is shown in one line of limited length.
fn errors(data: &[u8]) {
    let (code, message) = error_body::code_and_message(data);
    for text in [code, message].into_iter().flatten() {
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.chars().count() <= error_body::MESSAGE_CHARS_MAX);
    }
}

fn configuration(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(config::FILE_NAME);
    std::fs::write(&path, data).expect("written");
    let flags = Flags { config: Some(path), ..Flags::default() };
    match config::resolve(&flags, &Environment::of(&[])) {
        Ok(settings) => drop(settings.hash()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// An entry is accepted whole or its faults are reported; an accepted one can be used for requests.
fn catalog(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Catalog::load([("fuzzed.toml".to_owned(), text.to_owned())]) {
        Ok(catalog) => {
            for endpoint in catalog.endpoints() {
                let decoded = Decoder::new(endpoint, DecodeSettings { codearts_offset_s: 0 }).decode(&["{}"], NOW);
                assert_eq!(decoded.good.len() + decoded.bad.len(), 1);
            }
        }
        Err(error) => assert!(!error.faults.is_empty()),
    }
}

fn retry_after(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = (retry_after::retry_after(text, NOW), retry_after::http_date(text));
    if let Some(window) = retry::Window::in_message(text) {
        let rate = window.rate_per_s();
        assert!(rate.is_finite() && rate > 0.0, "{text}: {rate}");
    }
}

fn report_header(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match header::parse("fuzzed.sql", text) {
        Ok(header) => assert!(!header.title.is_empty() && !header.about.is_empty()),
        Err(error) => assert!(error.line >= 1),
    }
}
