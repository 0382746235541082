//! The header of a report: the comment lines at the top of its SQL file, and whether the statement below fits them. It
//! reads text and knows nothing of connections or results.
//!
//! ```sql
//! -- title: one line, as a question
//! -- group: installations
//! -- about: what the rows are; goes on
//! --   in lines indented so
//! -- needs: table, another_table
//! -- wants: a_list_that_may_be_missing
//! -- takes: since, until, as_of, app, min = 5
//! -- param: days count 30  how many days are looked at
//! -- param: list all|events all  which of these words
//! -- args: id
//! -- by: app  app, app_id
//! -- alias: application = app
//! -- alone: error
//! -- over: week, day
//! -- wide: app_id
//! -- bar: failure_rate_pct
//! -- spark: rates_pct
//! -- cross: app, week, rate
//! -- note: what a reader should know
//! -- note(evidence, trend): what a reader should know where one of these columns is shown
//! ```
//!
//! With `by` lines the statement holds `{{columns}}`, which becomes the expressions of the groupings that are asked for,
//! and may hold `{{by}}`, which becomes the list of their names. Values are never put into the text: they are bound to
//! `$name`, as text.

use std::collections::BTreeSet;

/// The description of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The question that the report answers, in one line.
    pub title: String,
    /// The heading under which it is listed.
    pub group: String,
    /// What the rows are.
    pub about: String,
    /// Tables and views without which the statement cannot run.
    pub needs: Vec<String>,
    /// Lists that it also stands on, and that count as empty where they were never read.
    pub wants: Vec<String>,
    /// What it can be asked with.
    pub params: Vec<Param>,
    /// Parameters whose values may follow the name of the report, in this order.
    pub args: Vec<String>,
    /// What the rows can be grouped by; the first is taken where none is asked for.
    pub groupings: Vec<Grouping>,
    /// Groupings that cannot stand beside others.
    pub alone: Vec<String>,
    /// Groupings of which one is always there: the first where none of them is asked for.
    pub over: Vec<String>,
    /// Other names of groupings: (other name, name).
    pub aliases: Vec<(String, String)>,
    /// Columns that a table shows only with `--wide`.
    pub wide: Vec<String>,
    /// Columns of percentages beside which a terminal draws a bar.
    pub bars: Vec<String>,
    /// Columns of lists that a terminal draws as a line.
    pub sparks: Vec<String>,
    /// The columns that a table is folded by.
    pub cross: Option<Cross>,
    /// What a reader should know of the rows.
    pub notes: Vec<Note>,
}

/// A table with a row for each value of one column, a column for each value of another, and in its cells a third.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cross {
    /// The column whose values name the rows.
    pub row: String,
    /// The column whose values name the columns.
    pub column: String,
    /// The column whose values are in the cells.
    pub cell: String,
}

/// A remark on the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// It concerns these columns, and is of use where one of them is shown. If there are none, it always is.
    pub columns: Vec<String>,
    /// Whole sentences.
    pub text: String,
}

/// Something that a report can be asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name, in statements after `$`.
    pub name: String,
    /// What its value must be.
    pub kind: ParamKind,
    /// The only values that it takes; none where any of its kind will do.
    pub choices: Vec<String>,
    /// Its value where none is given.
    pub default: ParamDefault,
    /// What it is for.
    pub about: String,
}

/// What a value must be; all are bound as text, or as NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// RFC 3339; the statement casts it to TIMESTAMPTZ.
    Instant,
    /// Any text.
    Text,
    /// A whole number that is not negative.
    Count,
    /// A number.
    Number,
    /// A list's table: it takes the place of `{{table}}`, its key columns those of `{{keys}}`, and the whole key as one
    /// text that of `{{key_as_text}}`.
    Table,
}

/// The value of a parameter that is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamDefault {
    /// NULL: no bound.
    None,
    /// The instant of the newest state, which the caller knows.
    Newest,
    /// The present; with the records of another instant, that one.
    Now,
    /// This text.
    Value(String),
}

/// The parameters that have an option of their own on the command line: name, kind, default, meaning.
const STANDARD: [(&str, ParamKind, ParamDefault, &str); 10] = [
    ("since", ParamKind::Instant, ParamDefault::None, "from this instant on"),
    ("until", ParamKind::Instant, ParamDefault::None, "before this instant"),
    ("as_of", ParamKind::Instant, ParamDefault::Newest, "with the records as they were at this instant"),
    ("now", ParamKind::Instant, ParamDefault::Now, "the instant that ages count up to"),
    (
        "app",
        ParamKind::Text,
        ParamDefault::None,
        "only this application: its name or id; * stands for any text, =NAME is meant as written",
    ),
    ("instance", ParamKind::Text, ParamDefault::None, "only this desktop: its name or id; * and = as with --app"),
    ("target", ParamKind::Text, ParamDefault::None, "only what was installed for this user; * and = as with --app"),
    ("scope", ParamKind::Text, ParamDefault::None, "only this region and project; * and = as with --app"),
    ("id", ParamKind::Text, ParamDefault::None, "the record's id"),
    ("min", ParamKind::Count, ParamDefault::None, "only rows that rest on at least so many"),
];

impl Param {
    /// The option of the command line that sets it.
    pub fn option(&self) -> String {
        match STANDARD.iter().any(|(name, ..)| *name == self.name) {
            true => format!("--{}", self.name.replace('_', "-")),
            false => format!("--param {}=…", self.name),
        }
    }
}

/// A way to group rows.
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
    /// As the caller named it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// What stands for the expressions of the groupings.
pub(super) const COLUMNS: &str = "{{columns}}";
/// What stands for the list of the names of the groupings.
pub(super) const BY: &str = "{{by}}";
/// What stands for the table that is asked for, for its key columns, and for the whole key as text.
pub(super) const TABLE: &str = "{{table}}";
pub(super) const KEYS: &str = "{{keys}}";
pub(super) const KEY_AS_TEXT: &str = "{{key_as_text}}";

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
    /// In parentheses after the key.
    columns: Vec<String>,
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
        let (key, columns, value) =
            split(content).ok_or_else(|| (line, format!("expected `-- key: value`, found `--{content}`")))?;
        entries.push(Entry { line, key: key.to_owned(), columns, value: value.to_owned() });
    }
    Ok(entries)
}

/// Key, columns in parentheses, and value of `key(column, column): value`.
fn split(content: &str) -> Option<(&str, Vec<String>, &str)> {
    let (key, value) = content.split_once(':').map(|(key, value)| (key.trim(), value.trim()))?;
    let (key, columns) = match key.strip_suffix(')').and_then(|key| key.split_once('(')) {
        Some((key, columns)) if key == "note" => (key, names(columns)),
        Some(_) => return None,
        None => (key, Vec::new()),
    };
    (is_name(key) && !value.is_empty()).then_some((key, columns, value))
}

fn read(header: &mut Header, entry: &Entry) -> Result<(), String> {
    let value = entry.value.as_str();
    match entry.key.as_str() {
        "title" => set_once(&mut header.title, "title", value),
        "group" => set_once(&mut header.group, "group", value),
        "about" => set_once(&mut header.about, "about", value),
        "needs" => {
            for table in value.split(',').map(str::trim) {
                unless_name(table, "a table")?;
                header.needs.push(table.to_owned());
            }
            Ok(())
        }
        "wants" => {
            header.wants.extend(names(value));
            Ok(())
        }
        "takes" => value.split(',').try_for_each(|text| add_param(header, taken(text)?)),
        "param" => add_param(header, own_param(value)?),
        "by" => {
            let grouping = grouping(value)?;
            let repeated = header.groupings.iter().any(|g| g.name == grouping.name);
            unless_repeated(repeated, "grouping", &grouping.name)?;
            header.groupings.push(grouping);
            Ok(())
        }
        "alias" => {
            for pair in value.split(',') {
                let (name, known) = pair
                    .split_once('=')
                    .ok_or_else(|| format!("expected `-- alias: name = grouping`, found `{pair}`"))?;
                if !header.groupings.iter().any(|grouping| grouping.name == known.trim()) {
                    return Err(format!("`{}` is no grouping of a line above", known.trim()));
                }
                header.aliases.push((name.trim().to_owned(), known.trim().to_owned()));
            }
            Ok(())
        }
        "args" => {
            header.args = names(value);
            let is_param = |name: &String| header.params.iter().any(|param| param.name == *name);
            match header.args.iter().find(|name| !is_param(name)) {
                Some(name) => Err(format!("`{name}` is no parameter of a line above")),
                None => Ok(()),
            }
        }
        "alone" => {
            header.alone.extend(names(value));
            Ok(())
        }
        "over" => {
            let is_grouping = |name: &String| header.groupings.iter().any(|grouping| grouping.name == *name);
            header.over = names(value);
            match header.over.iter().find(|name| !is_grouping(name)) {
                Some(name) => Err(format!("`{name}` is no grouping of a line above")),
                None => Ok(()),
            }
        }
        "cross" => {
            unless_repeated(header.cross.is_some(), "key", "cross")?;
            let [row, column, cell] = names(value)
                .try_into()
                .map_err(|_| format!("expected three columns, for rows, columns and cells, found `{value}`"))?;
            header.cross = Some(Cross { row, column, cell });
            Ok(())
        }
        "wide" | "bar" | "spark" => {
            let columns = match entry.key.as_str() {
                "wide" => &mut header.wide,
                "bar" => &mut header.bars,
                _ => &mut header.sparks,
            };
            columns.extend(names(value));
            Ok(())
        }
        "note" => {
            header.notes.push(Note { columns: entry.columns.clone(), text: value.to_owned() });
            Ok(())
        }
        other => Err(format!(
            "unknown key `{other}`; there are title, group, about, needs, wants, takes, param, args, by, alias, alone, over, wide, bar, \
             spark, cross and note"
        )),
    }
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

fn add_param(header: &mut Header, param: Param) -> Result<(), String> {
    let repeated = header.params.iter().any(|p| p.name == param.name);
    unless_repeated(repeated, "param", &param.name)?;
    header.params.push(param);
    Ok(())
}

fn set_once(slot: &mut String, key: &str, value: &str) -> Result<(), String> {
    unless_repeated(!slot.is_empty(), "key", key)?;
    *slot = value.to_owned();
    Ok(())
}

/// A parameter that every report means alike: `min`, or `min = 5` with a default of the report's own.
fn taken(text: &str) -> Result<Param, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text.trim(), None),
    };
    let (name, kind, default, about) = STANDARD.iter().find(|(known, ..)| *known == name).ok_or_else(|| {
        let known: Vec<&str> = STANDARD.iter().map(|(name, ..)| *name).collect();
        format!("unknown param `{name}`; there are {}; others are declared with `-- param:`", known.join(", "))
    })?;
    let default = value.map_or(default.clone(), |value| ParamDefault::Value(value.to_owned()));
    Ok(Param { name: (*name).to_owned(), kind: *kind, choices: Vec::new(), default, about: (*about).to_owned() })
}

/// A parameter of the report's own: name, type, default and meaning.
fn own_param(value: &str) -> Result<Param, String> {
    let mut words = value.splitn(4, char::is_whitespace).filter(|word| !word.is_empty());
    let (Some(name), Some(kind), Some(default)) = (words.next(), words.next(), words.next()) else {
        return Err(format!("expected `-- param: name type default meaning`, found `{value}`"));
    };
    unless_name(name, "a param")?;
    if STANDARD.iter().any(|(known, ..)| *known == name) {
        return Err(format!("`{name}` means the same in every report: `-- takes: {name}`"));
    }
    let choices: Vec<String> = match kind.contains('|') {
        true => kind.split('|').map(str::to_owned).collect(),
        false => Vec::new(),
    };
    let kind = match kind {
        _ if !choices.is_empty() => ParamKind::Text,
        "instant" => ParamKind::Instant,
        "text" => ParamKind::Text,
        "count" => ParamKind::Count,
        "number" => ParamKind::Number,
        "table" => ParamKind::Table,
        other => {
            return Err(format!(
                "unknown type `{other}`; there are instant, text, count, number and table, and `a|b` for one of these words"
            ));
        }
    };
    if !choices.is_empty() && !choices.iter().any(|choice| choice == default) {
        return Err(format!("the default `{default}` is none of {}", choices.join(", ")));
    }
    let default = match default {
        "none" if choices.is_empty() => ParamDefault::None,
        "newest" if kind == ParamKind::Instant => ParamDefault::Newest,
        value => ParamDefault::Value(value.to_owned()),
    };
    Ok(Param {
        name: name.to_owned(),
        kind,
        choices,
        default,
        about: words.next().unwrap_or_default().trim().to_owned(),
    })
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
    if statement().all(|(_, line)| line.trim().is_empty()) {
        return Err((text.lines().count().max(1), "no statement follows the header".to_owned()));
    }
    let mut used = BTreeSet::new();
    let mut has_columns = false;
    for (index, line) in statement() {
        has_columns |= line.contains(COLUMNS);
        let templated = line.contains(COLUMNS) || line.contains(BY);
        if templated && header.groupings.is_empty() {
            return Err((index + 1, "a placeholder, but the header has no `-- by:` line".to_owned()));
        }
        for name in dollar_names(line) {
            if !header.params.iter().any(|param| param.name == name) {
                return Err((index + 1, format!("`${name}` has no `-- param:` line")));
            }
            used.insert(name);
        }
    }
    let is_bound = |param: &&Param| param.kind != ParamKind::Table;
    if let Some(idle) = header.params.iter().filter(is_bound).find(|param| !used.contains(param.name.as_str())) {
        return Err((1, format!("the statement never uses `${}`", idle.name)));
    }
    if !header.groupings.is_empty() && !has_columns {
        return Err((1, format!("`-- by:` lines, but no {COLUMNS} in the statement")));
    }
    Ok(())
}

fn dollar_names(line: &str) -> impl Iterator<Item = &str> {
    line.split('$').skip(1).map(|rest| rest.split(|c: char| !is_name_char(c)).next().unwrap_or_default())
}

/// The expressions of a select list: its parts between commas outside parentheses and quotes.
pub(super) fn expressions(columns: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut is_quoted, mut start) = (0_i32, false, 0);
    for (at, c) in columns.char_indices() {
        match c {
            '\'' => is_quoted = !is_quoted,
            '(' | '[' if !is_quoted => depth += 1,
            ')' | ']' if !is_quoted => depth -= 1,
            ',' if !is_quoted && depth == 0 => {
                parts.push(columns[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(columns[start..].trim());
    parts
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
