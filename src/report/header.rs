//! The header of a report: the comment lines at the top of its SQL file, and whether the statement below fits them. It
//! reads text and knows nothing of connections or results.
//!
//! ```sql
//! -- title: one line
//! -- about: what the rows are; goes on
//! --   in lines indented so
//! -- needs: table, another_table
//! -- param: since instant none
//! -- param: as_of instant newest
//! -- by: app  app_name AS app, app_id
//! -- note: what a reader should know of a column
//! ```
//!
//! With `by` lines the statement holds `{{columns}}`, which becomes the chosen line's expressions, and may hold
//! `{{by}}`, which becomes its name. Values are never put into the text: they are bound to `$name`.

use std::collections::BTreeSet;

/// The description of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub title: String,
    pub about: String,
    /// Tables and views without which the statement cannot run.
    pub needs: Vec<String>,
    pub params: Vec<Param>,
    /// What the rows can be grouped by; the first is taken where none is asked for.
    pub groupings: Vec<Grouping>,
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    pub name: ParamName,
    pub kind: ParamKind,
    pub default: ParamDefault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamName {
    /// From this instant on.
    Since,
    /// Up to, and not with, this instant.
    Until,
    /// With the records as they were known at this instant.
    AsOf,
}

impl ParamName {
    pub const ALL: [ParamName; 3] = [ParamName::Since, ParamName::Until, ParamName::AsOf];

    /// The name in headers and, after `$`, in statements.
    pub fn name(self) -> &'static str {
        match self {
            ParamName::Since => "since",
            ParamName::Until => "until",
            ParamName::AsOf => "as_of",
        }
    }

    /// The option of the command line that sets it.
    pub fn option(self) -> &'static str {
        match self {
            ParamName::Since => "--since",
            ParamName::Until => "--until",
            ParamName::AsOf => "--as-of",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Bound as text in RFC 3339, or as NULL; the statement casts it to TIMESTAMPTZ.
    Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamDefault {
    /// NULL: no bound.
    None,
    /// The instant of the newest state, which the caller knows.
    Newest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// Lower-case letters and underscores.
    pub name: String,
    /// Select-list expressions that replace `{{columns}}`.
    pub columns: String,
}

/// What is wrong with a report file, and where: lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {message}")]
pub struct HeaderError {
    pub file: String,
    pub line: usize,
    pub message: String,
}

pub const COLUMNS: &str = "{{columns}}";
pub const BY: &str = "{{by}}";

/// Reads the header of `text`, a whole report file, and checks the statement against it.
pub fn parse(file: &str, text: &str) -> Result<Header, HeaderError> {
    let fault = |(line, message)| HeaderError { file: file.to_owned(), line, message };
    let mut header = Header::default();
    for entry in entries(text).map_err(fault)? {
        read(&mut header, &entry).map_err(|message| fault((entry.line, message)))?;
    }
    for (name, value) in [("title", &header.title), ("about", &header.about)] {
        if value.is_empty() {
            return Err(fault((1, format!("the header has no `-- {name}:` line"))));
        }
    }
    hold(&header, text).map_err(fault)?;
    Ok(header)
}

type Fault = (usize, String);

struct Entry {
    line: usize,
    key: String,
    value: String,
}

/// The header's entries, with continued lines joined by a space.
fn entries(text: &str) -> Result<Vec<Entry>, Fault> {
    let mut entries: Vec<Entry> = Vec::new();
    for (index, content) in text.lines().map_while(|line| line.strip_prefix("--")).enumerate() {
        let line = index + 1;
        if content.starts_with("   ") {
            let last = entries.last_mut().ok_or((line, "a continued line with nothing before it".to_owned()))?;
            last.value.push(' ');
            last.value.push_str(content.trim());
            continue;
        }
        let (key, value) = content
            .split_once(':')
            .map(|(key, value)| (key.trim(), value.trim()))
            .filter(|(key, value)| is_name(key) && !value.is_empty())
            .ok_or_else(|| (line, format!("expected `-- key: value`, found `--{content}`")))?;
        entries.push(Entry { line, key: key.to_owned(), value: value.to_owned() });
    }
    Ok(entries)
}

fn read(header: &mut Header, entry: &Entry) -> Result<(), String> {
    let value = entry.value.as_str();
    match entry.key.as_str() {
        "title" => set_once(&mut header.title, "title", value),
        "about" => set_once(&mut header.about, "about", value),
        "needs" => {
            for table in value.split(',').map(str::trim) {
                unless_name(table, "a table")?;
                header.needs.push(table.to_owned());
            }
            Ok(())
        }
        "param" => {
            let param = param(value)?;
            let repeated = header.params.iter().any(|p| p.name == param.name);
            header.params.push(param);
            unless_repeated(repeated, "param", param.name.name())
        }
        "by" => {
            let grouping = grouping(value)?;
            let repeated = header.groupings.iter().any(|g| g.name == grouping.name);
            unless_repeated(repeated, "grouping", &grouping.name)?;
            header.groupings.push(grouping);
            Ok(())
        }
        "note" => {
            header.notes.push(value.to_owned());
            Ok(())
        }
        other => Err(format!("unknown key `{other}`; there are title, about, needs, param, by and note")),
    }
}

fn set_once(slot: &mut String, key: &str, value: &str) -> Result<(), String> {
    unless_repeated(!slot.is_empty(), "key", key)?;
    *slot = value.to_owned();
    Ok(())
}

fn param(value: &str) -> Result<Param, String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let &[name, kind, default] = words.as_slice() else {
        return Err(format!("expected `-- param: name type default`, found `{value}`"));
    };
    let name = ParamName::ALL
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| format!("unknown param `{name}`; there are since, until and as_of"))?;
    let kind = match kind {
        "instant" => ParamKind::Instant,
        other => return Err(format!("unknown type `{other}`; there is instant")),
    };
    let default = match default {
        "none" => ParamDefault::None,
        "newest" => ParamDefault::Newest,
        other => return Err(format!("unknown default `{other}`; there are none and newest")),
    };
    Ok(Param { name, kind, default })
}

fn grouping(value: &str) -> Result<Grouping, String> {
    let (name, columns) = value
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("expected `-- by: name expressions`, found `{value}`"))?;
    unless_name(name, "a grouping")?;
    Ok(Grouping { name: name.to_owned(), columns: columns.trim().to_owned() })
}

/// Checks that header and statement have the same parameters and placeholders.
fn hold(header: &Header, text: &str) -> Result<(), Fault> {
    let statement = || text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("--"));
    let mut used = BTreeSet::new();
    let mut has_columns = false;
    for (index, line) in statement() {
        has_columns |= line.contains(COLUMNS);
        let templated = line.contains(COLUMNS) || line.contains(BY);
        if templated && header.groupings.is_empty() {
            return Err((index + 1, "a placeholder, but the header has no `-- by:` line".to_owned()));
        }
        for name in dollar_names(line) {
            if !header.params.iter().any(|param| param.name.name() == name) {
                return Err((index + 1, format!("`${name}` has no `-- param:` line")));
            }
            used.insert(name);
        }
    }
    if let Some(idle) = header.params.iter().find(|param| !used.contains(param.name.name())) {
        return Err((1, format!("the statement never uses `${}`", idle.name.name())));
    }
    if !header.groupings.is_empty() && !has_columns {
        return Err((1, format!("`-- by:` lines, but no {COLUMNS} in the statement")));
    }
    Ok(())
}

fn dollar_names(line: &str) -> impl Iterator<Item = &str> {
    line.split('$').skip(1).map(|rest| rest.split(|c: char| !is_name_char(c)).next().unwrap_or_default())
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || c == '_'
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_char)
}

fn unless_name(text: &str, what: &str) -> Result<(), String> {
    if is_name(text) { Ok(()) } else { Err(format!("`{text}` is not the name of {what}")) }
}

fn unless_repeated(repeated: bool, what: &str, name: &str) -> Result<(), String> {
    if repeated { Err(format!("the {what} `{name}` is given twice")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
-- title: Failures
-- about: one row an app,
--   worst first
-- needs: jobs, jobs_versions
-- param: since instant none
-- param: as_of instant newest
-- by: app   app_name AS app, app_id
-- by: week  week
-- note: first
-- note: second

SELECT {{columns}}, '{{by}}' FROM f($since, $as_of) -- $anything
";

    fn message(text: &str) -> String {
        parse("x.sql", text).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_header_is_read() {
        let header = parse("x.sql", WHOLE.replace(" -- $anything", "").as_str()).unwrap();
        assert_eq!(header.title, "Failures");
        assert_eq!(header.about, "one row an app, worst first");
        assert_eq!(header.needs, ["jobs", "jobs_versions"]);
        assert_eq!(
            header.params,
            [
                Param { name: ParamName::Since, kind: ParamKind::Instant, default: ParamDefault::None },
                Param { name: ParamName::AsOf, kind: ParamKind::Instant, default: ParamDefault::Newest },
            ]
        );
        let groupings: Vec<_> = header.groupings.iter().map(|g| (g.name.as_str(), g.columns.as_str())).collect();
        assert_eq!(groupings, [("app", "app_name AS app, app_id"), ("week", "week")]);
        assert_eq!(header.notes, ["first", "second"]);
    }

    #[test]
    fn each_malformed_line_is_named_with_file_and_line() {
        let cases = [
            ("-- titel: x", "x.sql, line 1: unknown key `titel`; there are title, about"),
            ("-- title: a\n-- nothing here", "x.sql, line 2: expected `-- key: value`, found `-- nothing here`"),
            ("-- title:", "x.sql, line 1: expected `-- key: value`"),
            ("--   more", "x.sql, line 1: a continued line with nothing before it"),
            ("-- title: a\n-- title: b", "x.sql, line 2: the key `title` is given twice"),
            ("-- title: a\n\nSELECT 1", "x.sql, line 1: the header has no `-- about:` line"),
            ("-- needs: a b", "x.sql, line 1: `a b` is not the name of a table"),
            ("-- param: since instant", "x.sql, line 1: expected `-- param: name type default`"),
            ("-- param: from instant none", "x.sql, line 1: unknown param `from`"),
            ("-- param: since day none", "x.sql, line 1: unknown type `day`"),
            ("-- param: since instant now", "x.sql, line 1: unknown default `now`"),
            ("-- by: app", "x.sql, line 1: expected `-- by: name expressions`"),
            ("-- by: App app", "x.sql, line 1: `App` is not the name of a grouping"),
            ("-- by: a x\n-- by: a y", "x.sql, line 2: the grouping `a` is given twice"),
        ];
        for (text, start) in cases {
            let message = message(text);
            assert!(message.starts_with(start), "{text:?} gave {message}");
        }
    }

    #[test]
    fn header_and_statement_must_have_the_same_parameters_and_placeholders() {
        let start = "-- title: a\n-- about: b\n";
        let cases = [
            ("SELECT $since", "x.sql, line 3: `$since` has no `-- param:` line"),
            ("-- param: since instant none\nSELECT 1", "x.sql, line 1: the statement never uses `$since`"),
            ("SELECT {{columns}}", "x.sql, line 3: a placeholder, but the header has no `-- by:` line"),
            ("-- by: a b\nSELECT 1", "x.sql, line 1: `-- by:` lines, but no {{columns}} in the statement"),
        ];
        for (rest, expected) in cases {
            assert_eq!(message(&format!("{start}{rest}")), expected);
        }
    }
}
