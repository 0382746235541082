//! A message as parts of text in the order of reading, before any markup. Every text is one short line without control
//! characters and without a working address: texts come from the cloud, and nobody there may write a link, a mention or
//! a header into what hclake sends.

use serde_json::Value;

use super::message::{AlertNews, AlertState, Message, RunNews, Trouble};
use crate::base::clock::Timestamp;
use crate::base::printable::printable;

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 200;
/// Characters of a sentence.
const TEXT_CHARS_MAX: usize = 1_000;
/// Characters of a value in a table.
const VALUE_CHARS_MAX: usize = 80;
/// Columns of a table. More do not fit on a screen.
const COLUMNS_MAX: usize = 8;

/// One part. Its texts need the escapes of a markup and no others.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Heading(String),
    Line(String),
    Item(String),
    Hint(String),
    Table(Table),
}

/// Rows under the names of their columns; each row has a value for each column.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The title in one line.
pub(super) fn title(message: &Message) -> String {
    line(&message.title, TITLE_CHARS_MAX)
}

/// Everything below the title.
pub(super) fn parts(message: &Message) -> Vec<Part> {
    let mut parts: Vec<Part> = message.run.iter().map(|run| Part::Line(of_run(run))).collect();
    parts.push(Part::Line(format!("store: {}", text(&message.store))));
    parts.extend(message.alerts.iter().flat_map(of_alert));
    if !message.troubles.is_empty() {
        parts.push(Part::Heading("to look after".to_owned()));
        parts.extend(message.troubles.iter().flat_map(of_trouble));
    }
    if !message.digest.is_empty() {
        parts.push(Part::Heading("digest".to_owned()));
        parts.extend(message.digest.iter().map(|sentence| Part::Item(text(sentence))));
    }
    parts
}

fn of_run(run: &RunNews) -> String {
    let number = run.run_id.map_or_else(|| "the run".to_owned(), |id| format!("run {id}"));
    let (start, end) = (moment(run.started_at), moment(run.ended_at));
    format!("{number}: {}, from {start} to {end} UTC", text(&run.outcome))
}

fn of_alert(alert: &AlertNews) -> Vec<Part> {
    let state = match alert.state {
        AlertState::Fired => "alert",
        AlertState::Over => "over",
    };
    let since = alert.since.map_or(String::new(), |since| format!(", since {} UTC", moment(since)));
    let mut parts = vec![
        Part::Heading(format!("{state}: {}", line(&alert.name, TITLE_CHARS_MAX))),
        Part::Line(format!("{}{since}", text(&alert.about))),
    ];
    if !alert.rows.is_empty() {
        parts.push(Part::Table(table(alert)));
    }
    match alert.rows_left_out {
        0 => {}
        1 => parts.push(Part::Line("and 1 more row".to_owned())),
        rows => parts.push(Part::Line(format!("and {rows} more rows"))),
    }
    parts
}

fn table(alert: &AlertNews) -> Table {
    let named: Vec<&String> = match alert.columns.as_slice() {
        [] => alert.rows.iter().take(1).flat_map(|row| row.keys()).collect(),
        columns => columns.iter().collect(),
    };
    let named = &named[..named.len().min(COLUMNS_MAX)];
    let cells = |row: &serde_json::Map<String, Value>| {
        named.iter().map(|name| row.get(*name).map_or(String::new(), value)).collect::<Vec<_>>()
    };
    Table {
        columns: named.iter().map(|name| line(name, VALUE_CHARS_MAX)).collect(),
        rows: alert.rows.iter().map(cells).collect(),
    }
}

fn of_trouble(trouble: &Trouble) -> Vec<Part> {
    let kind = line(&trouble.kind, VALUE_CHARS_MAX).replace('_', " ");
    let item = Part::Item(format!("{kind}: {}", text(&trouble.text)));
    std::iter::once(item).chain(trouble.hint.iter().map(|hint| Part::Hint(format!("hint: {}", text(hint))))).collect()
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => line(text, VALUE_CHARS_MAX),
        other => line(&other.to_string(), VALUE_CHARS_MAX),
    }
}

/// The moment to the second, in UTC.
fn moment(at: Timestamp) -> String {
    at.to_datetime().map_or_else(|| at.to_string(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
}

fn text(text: &str) -> String {
    line(text, TEXT_CHARS_MAX)
}

/// One line of at most so many characters, without control characters and without addresses that programs make links of.
pub(super) fn line(text: &str, chars_max: usize) -> String {
    // Cut first: what follows makes a text longer by a constant factor alone.
    let cut = text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end]);
    let ellipsis = if cut.len() < text.len() { "…" } else { "" };
    unlinked(&printable(cut)) + ellipsis
}

/// `http://a` as `http[:]//a`, and `www.a` as `www[.]a`.
fn unlinked(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.replace("://", "[:]//");
    while let Some(at) = rest.to_ascii_lowercase().find("www.") {
        safe.push_str(&rest[..at + 3]);
        safe.push_str("[.]");
        rest = rest.split_off(at + 4);
    }
    safe + &rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_short_has_no_control_characters_and_no_working_address() {
        assert_eq!(line("a\r\nb\tc\u{1b}[31m\u{202e}", 100), r"a\r\nb\tc\u{1b}[31m\u{202e}");
        assert_eq!(line("密码密码", 3), "密码密…");
        assert_eq!(line("密码密码", 4), "密码密码");
        assert_eq!(line("see https://a.example, WWW.b.example", 100), "see https[:]//a.example, WWW[.]b.example");
    }

    #[test]
    fn a_table_has_the_named_columns_in_order_or_those_of_the_first_row() {
        let row = |text: &str| serde_json::from_str(text).unwrap();
        let alert = |columns: &[&str]| AlertNews {
            name: "a".into(),
            state: AlertState::Fired,
            about: "b".into(),
            since: None,
            columns: columns.iter().map(|name| name.to_string()).collect(),
            rows: vec![row(r#"{"b": 1.5, "a": "x", "c": null}"#), row(r#"{"a": {"d": [true]}}"#)],
            rows_left_out: 0,
        };
        let named = table(&alert(&["b", "a", "gone"]));
        assert_eq!(named.columns, ["b", "a", "gone"]);
        assert_eq!(named.rows, [["1.5", "x", ""], ["", r#"{"d":[true]}"#, ""]]);
        assert_eq!(table(&alert(&[])).columns, ["a", "b", "c"]);
        let many: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(table(&alert(&many)).columns.len(), COLUMNS_MAX);
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_line_without_addresses(text: String, chars_max in 0usize..50) {
            let line = line(&text, chars_max);
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert!(!line.contains("://") && !line.to_ascii_lowercase().contains("www."));
        }
    }
}
