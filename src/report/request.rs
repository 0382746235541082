//! What is asked of a report, as a person or a program writes it, and what becomes of it: the chosen groupings and a value
//! for each parameter. It looks up runs by number, and reads nothing else.

use super::error::Error;
use super::header::{Grouping, KEY_AS_TEXT, KEYS, Param, ParamDefault, ParamKind, TABLE};
use super::limits::{COUNT_MAX, GROUPINGS_MAX};
use super::question::Report;
use super::session::Session;
use super::tables::has_table;
use super::when;
use duckdb::{Connection, OptionalExt, params};

use crate::base::clock::Timestamp;
use crate::base::nearest::nearest;
use crate::schema::{RUNS, ident, versions_view};
use crate::store;

/// As an instant: the start of the run before the newest.
const LAST: &str = "last";

/// Between the columns of a key that is written as one text.
const KEY_SEPARATOR: char = '/';
/// Keys that are named where an id fits several records.
const KEYS_SHOWN_MAX: usize = 5;

/// A question to a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Groupings by name; empty for the report's first.
    pub by: Vec<String>,
    /// Parameters by name, with their text.
    pub given: Vec<(String, String)>,
    /// Rows at most.
    pub top: Option<usize>,
    /// An SQL expression over the report's columns: only the rows that fulfil it.
    pub only: Option<String>,
}

impl Request {
    /// The same with one more parameter.
    pub fn with(mut self, name: &str, value: impl ToString) -> Request {
        self.given.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same, grouped by these.
    pub fn by(mut self, names: &[&str]) -> Request {
        self.by = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// The instant whose records are asked for; `None` for the newest.
    pub(crate) fn as_of(
        &self,
        report: &Report,
        session: &Session<'_>,
        moment: Moment,
    ) -> Result<Option<Timestamp>, Error> {
        match self.given("as_of") {
            Some(_) => Ok(values(report, session, self, moment)?.instant("as_of")),
            None => Ok(None),
        }
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// When a question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The start of the newest run, which the newest records are from.
    pub newest: Timestamp,
    /// The wall clock.
    pub now: Timestamp,
}

/// A value for each parameter of a report.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    texts: Vec<(String, Option<String>)>,
    instants: Vec<(String, Timestamp)>,
}

impl Values {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_deref())
    }

    /// Each parameter with its value as text.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.texts.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    fn set(&mut self, name: &str, text: String) {
        let known = self.texts.iter_mut().filter(|(known, _)| known == name);
        known.for_each(|(_, value)| *value = Some(text.clone()));
    }

    /// Whether the report has such a parameter.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.texts.iter().any(|(known, _)| known == name)
    }

    pub(super) fn instant(&self, name: &str) -> Option<Timestamp> {
        self.instants.iter().find(|(known, _)| known == name).map(|(_, at)| *at)
    }
}

/// The groupings of these names, else the first, with the one that is always there; none where the report has none.
pub(super) fn groupings<'a>(report: &'a Report, by: &[String]) -> Result<Vec<&'a Grouping>, Error> {
    let mut chosen = chosen_groupings(report, by)?;
    let over = &report.header.over;
    if let Some(first) = over.first().filter(|_| !chosen.iter().any(|grouping| over.contains(&grouping.name))) {
        chosen.push(grouping(report, first)?);
    }
    Ok(chosen)
}

fn chosen_groupings<'a>(report: &'a Report, by: &[String]) -> Result<Vec<&'a Grouping>, Error> {
    let known = &report.header.groupings;
    if by.is_empty() {
        return Ok(known.first().into_iter().collect());
    }
    if known.is_empty() {
        return Err(not_taken(report, "--by"));
    }
    let mut chosen: Vec<&Grouping> = Vec::new();
    for name in by {
        let grouping = grouping(report, name)?;
        if !chosen.iter().any(|other| other.name == grouping.name) {
            chosen.push(grouping);
        }
    }
    let alone = chosen.iter().find(|grouping| report.header.alone.contains(&grouping.name));
    if let Some(grouping) = alone.filter(|_| chosen.len() > 1) {
        return Err(Error::GroupingAlone { report: report.name.clone(), name: grouping.name.clone() });
    }
    match chosen.len() > GROUPINGS_MAX {
        true => Err(Error::TooManyGroupings { report: report.name.clone() }),
        false => Ok(chosen),
    }
}

fn grouping<'a>(report: &'a Report, name: &str) -> Result<&'a Grouping, Error> {
    let (name, header) = (name.trim(), &report.header);
    let plain = header.aliases.iter().find(|(other, _)| other == name).map_or(name, |(_, plain)| plain);
    let names = || header.groupings.iter().map(|grouping| grouping.name.as_str());
    header.groupings.iter().find(|grouping| grouping.name == plain).ok_or_else(|| Error::UnknownGrouping {
        report: report.name.clone(),
        name: name.to_owned(),
        nearest: nearest(name, names()).map(str::to_owned),
        known: names().map(str::to_owned).collect(),
    })
}

/// The value of each parameter that the header names. Ages and dates count back from, and in the zone of, the question.
pub(super) fn values(
    report: &Report,
    session: &Session<'_>,
    request: &Request,
    moment: Moment,
) -> Result<Values, Error> {
    if let Some((name, _)) =
        request.given.iter().find(|(name, _)| !report.header.params.iter().any(|p| p.name == *name))
    {
        let option = format!("--{}", name.replace('_', "-"));
        return Err(not_taken(report, &option));
    }
    let mut values = Values::default();
    let as_of = report.header.params.iter().filter(|param| param.name == "as_of");
    let others = report.header.params.iter().filter(|param| param.name != "as_of");
    for param in as_of.chain(others) {
        let end = values.instant("as_of").unwrap_or(moment.newest);
        let text = match (request.given(&param.name), &param.default) {
            (Some(given), _) => Some(given),
            // On the first night there is no earlier run: nothing has changed since.
            (None, ParamDefault::Value(text)) if text == LAST && last_run(session, end)?.is_none() => {
                values.instants.push((param.name.clone(), end));
                values.texts.push((param.name.clone(), Some(end.to_string())));
                continue;
            }
            (None, ParamDefault::Value(text)) => Some(text.as_str()),
            (None, ParamDefault::None) => None,
            (None, ParamDefault::Now) => {
                let now = request.given("as_of").map_or(moment.now, |_| end);
                values.texts.push((param.name.clone(), Some(now.to_string())));
                continue;
            }
            (None, ParamDefault::Newest) => {
                values.instants.push((param.name.clone(), end));
                values.texts.push((param.name.clone(), Some(end.to_string())));
                continue;
            }
        };
        if text.is_none() && report.header.args.contains(&param.name) && param.kind != ParamKind::Table {
            let places: Vec<String> = report.header.args.iter().map(|name| name.to_uppercase()).collect();
            return Err(Error::Missing {
                report: report.name.clone(),
                name: param.name.clone(),
                usage: format!("hclake report {} {}", report.name, places.join(" ")),
            });
        }
        let value = text.map(|text| value(param, text, session, end, &mut values.instants)).transpose()?;
        let value = if counts_from_run(param) { from_first_run(value, &values, session)? } else { value };
        values.texts.push((param.name.clone(), value));
    }
    require_known_end(&values, moment)?;
    match (values.instant("since"), values.instant("until"), values.instant("as_of")) {
        (Some(since), Some(until), _) if since >= until => Err(Error::EmptyRange { since, until }),
        (Some(since), None, Some(until)) if since > until && report.header.params.iter().any(counts_from_run) => {
            Err(Error::EmptyRange { since, until })
        }
        _ => Ok(values),
    }
}

/// Whether a report compares what was known at `since` with what is known now: it then counts from a run on.
fn counts_from_run(param: &Param) -> bool {
    param.name == "since" && matches!(&param.default, ParamDefault::Value(text) if text == LAST)
}

/// Nothing was known before the first run, so nothing can be compared with that.
fn from_first_run(value: Option<String>, values: &Values, session: &Session<'_>) -> Result<Option<String>, Error> {
    let first = first_run_at(session.conn)?;
    let is_before = |first: &Timestamp| values.instant("since").is_some_and(|since| since < *first);
    Ok(first.filter(is_before).map(|first| first.to_string()).or(value))
}

/// A run may be dated in the future, where the clock was wrong then and was corrected since.
fn require_known_end(values: &Values, moment: Moment) -> Result<(), Error> {
    match values.instant("as_of").filter(|as_of| *as_of > moment.now.max(moment.newest)) {
        Some(as_of) => Err(Error::Future { as_of, newest: moment.newest }),
        None => Ok(()),
    }
}

fn value(
    param: &Param,
    text: &str,
    session: &Session<'_>,
    end: Timestamp,
    instants: &mut Vec<(String, Timestamp)>,
) -> Result<String, Error> {
    let unfit = |what: &'static str| Error::UnfitValue { option: param.option(), value: text.to_owned(), what };
    match param.kind {
        ParamKind::Instant => {
            let at = instant(text, session, end)?;
            instants.push((param.name.clone(), at));
            Ok(at.to_string())
        }
        ParamKind::Text if !param.choices.is_empty() && !param.choices.iter().any(|choice| choice == text) => {
            Err(Error::UnfitChoice { option: param.option(), value: text.to_owned(), choices: param.choices.clone() })
        }
        ParamKind::Text => Ok(text.to_owned()),
        ParamKind::Table => table(text, session),
        ParamKind::Count => count(&param.option(), text).map(|count| count.to_string()),
        ParamKind::Number => {
            text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| n.to_string()).ok_or_else(|| unfit("a number"))
        }
    }
}

/// A whole number that is the value of `option`.
pub fn count(option: &str, text: &str) -> Result<u64, Error> {
    let count = text.parse().ok().filter(|count| *count <= COUNT_MAX);
    count.ok_or_else(|| Error::UnfitCount { option: option.to_owned(), value: text.to_owned() })
}

/// An instant, an age, the number of a run, or `last` for the run before the newest.
fn instant(text: &str, session: &Session<'_>, end: Timestamp) -> Result<Timestamp, Error> {
    let text = text.trim();
    if text == LAST {
        return last_run(session, end)?.ok_or(Error::NoEarlierRun);
    }
    if let Some(run) = text.strip_prefix('#').unwrap_or(text).parse::<i64>().ok().filter(|run| *run >= 0) {
        return started_at(session, "SELECT epoch_us(max(started_at)) FROM runs WHERE run_id = ?", run)?
            .ok_or(Error::UnknownRun { run });
    }
    when::parse(text, end, session.zone).map_err(Error::When)
}

/// The start of the run before the newest one at `end`.
fn last_run(session: &Session<'_>, end: Timestamp) -> Result<Option<Timestamp>, Error> {
    const SQL: &str = "SELECT epoch_us(max(started_at)) FROM runs
        WHERE started_at < (SELECT max(started_at) FROM runs WHERE epoch_us(started_at) <= ?)";
    started_at(session, SQL, end.0)
}

/// The start of the first run.
pub(super) fn first_run_at(conn: &Connection) -> Result<Option<Timestamp>, Error> {
    const SQL: &str = "SELECT epoch_us(min(started_at)) FROM runs";
    if !has_table(conn, RUNS).map_err(Error::Tables)? {
        return Ok(None);
    }
    let at = conn.query_row(SQL, [], |row| row.get::<_, Option<i64>>(0)).map_err(Error::Runs)?;
    Ok(at.map(Timestamp))
}

/// Starts of the runs next to an instant that the store still answers in full.
pub(super) struct Answered {
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
}

/// `None` unless the last run before the instant was pruned. A store that has not been migrated yet was never pruned.
pub(super) fn answered_around(conn: &Connection, at: Timestamp) -> Result<Option<Answered>, Error> {
    const SQL: &str = "
        SELECT
            coalesce(arg_max(pruned_at IS NOT NULL, run_id) FILTER (epoch_us(started_at) <= $1), false),
            max(epoch_us(started_at)) FILTER (pruned_at IS NULL AND epoch_us(started_at) <= $1),
            min(epoch_us(started_at)) FILTER (pruned_at IS NULL AND epoch_us(started_at) > $1)
        FROM (FROM runs UNION ALL BY NAME SELECT CAST(NULL AS TIMESTAMPTZ) AS pruned_at WHERE false)";
    if !has_table(conn, RUNS).map_err(Error::Tables)? {
        return Ok(None);
    }
    let read = |row: &duckdb::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (is_pruned, before, after): (bool, Option<i64>, Option<i64>) =
        conn.query_row(SQL, [at.0], read).map_err(Error::Runs)?;
    Ok(is_pruned.then(|| Answered { before: before.map(Timestamp), after: after.map(Timestamp) }))
}

fn started_at(session: &Session<'_>, sql: &str, value: i64) -> Result<Option<Timestamp>, Error> {
    if !has_table(session.conn, RUNS).map_err(Error::Tables)? {
        return Ok(None);
    }
    let at = session.conn.query_row(sql, [value], |row| row.get::<_, Option<i64>>(0)).map_err(Error::Runs)?;
    Ok(at.map(Timestamp))
}

/// The name of a list's table that the store has.
fn table(text: &str, session: &Session<'_>) -> Result<String, Error> {
    let known = store::lists_held(session.conn).map_err(Error::Lists)?;
    match known.iter().any(|name| name == text) {
        true => Ok(text.to_owned()),
        false => Err(Error::UnknownTable {
            name: text.to_owned(),
            nearest: nearest(text, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        }),
    }
}

/// The statement about the table that is asked for, where the report is about one. A part of a record's key, given as its
/// id, becomes the whole key.
pub(super) fn with_table(session: &Session<'_>, statement: String, values: &mut Values) -> Result<String, Error> {
    if !statement.contains(TABLE) {
        return Ok(statement);
    }
    let Some(table) = values.text("table") else { return Err(Error::NoTable) };
    let parts = key_parts(session, table).map_err(Error::Tables)?;
    let joined = |columns: &[String]| columns.join(", ");
    let keys: Vec<String> = parts.iter().map(|columns| format!("coalesce({})", joined(columns))).collect();
    let texts: Vec<String> = keys.iter().map(|key| format!("CAST({key} AS VARCHAR)")).collect();
    let whole = format!("concat_ws('{KEY_SEPARATOR}', {})", joined(&texts));
    let statement = statement.replace(TABLE, table).replace(KEY_AS_TEXT, &whole).replace(KEYS, &joined(&keys));
    if let Some(id) = values.text("id") {
        let found = keys_with(session, table, &parts, &whole, id, values.text("scope"))?;
        let id = match found.as_slice() {
            [first, ..] if first == id => None,
            [only] => Some(only.clone()),
            [] => None,
            _ => return Err(several_records(table, id, &parts, found)),
        };
        id.into_iter().for_each(|id| values.set("id", id));
    }
    Ok(statement)
}

/// The whole keys of the records of which a text is the key, or one of its columns; the one that is the text first.
fn keys_with(
    session: &Session<'_>,
    table: &str,
    parts: &[Vec<String>],
    whole: &str,
    id: &str,
    scope: Option<&str>,
) -> Result<Vec<String>, Error> {
    let columns: Vec<String> = parts.iter().flatten().map(|column| format!("CAST({column} AS VARCHAR)")).collect();
    let (columns, versions, limit) = (columns.join(", "), ident(&versions_view(table)), KEYS_SHOWN_MAX + 1);
    let sql = format!(
        "SELECT key FROM (SELECT DISTINCT {whole} AS key FROM {versions} AS v
            WHERE ($1 = {whole} OR $1 IN ({columns})) AND matches(v._scope, CAST($2 AS VARCHAR)))
        ORDER BY key <> $1, key LIMIT {limit}"
    );
    let read = || {
        session.provide(&sql)?;
        let mut statement = session.conn.prepare(&sql)?;
        let rows = statement.query_map(params![id, scope], |row| row.get(0))?;
        rows.collect::<duckdb::Result<Vec<String>>>()
    };
    read().map_err(Error::Tables)
}

fn several_records(table: &str, id: &str, parts: &[Vec<String>], mut keys: Vec<String>) -> Error {
    let is_cut = keys.len() > KEYS_SHOWN_MAX;
    keys.truncate(KEYS_SHOWN_MAX);
    let name = |part: &Vec<String>| {
        let plain = part.iter().map(|column| column.trim_start_matches("v.").trim_matches('"'));
        plain.collect::<Vec<_>>().join(" or ")
    };
    let columns = parts.iter().map(name).collect();
    Error::SeveralRecords { table: table.to_owned(), id: id.to_owned(), columns, keys, is_cut }
}

/// The parts of a table's key, each with the columns that it is taken from. Stores that do not say so yet have lists with
/// an id alone.
fn key_parts(session: &Session<'_>, table: &str) -> duckdb::Result<Vec<Vec<String>>> {
    const SQL: &str = "SELECT key_columns FROM _hclake_keys WHERE table_name = ?";
    let recorded: Option<String> = match has_table(session.conn, "_hclake_keys")? {
        true => session.conn.query_row(SQL, [table], |row| row.get(0)).optional()?,
        false => None,
    };
    let recorded = recorded.unwrap_or_else(|| "id".to_owned());
    let columns = |part: &str| part.split(" or ").map(|column| format!("v.{}", ident(column))).collect();
    Ok(recorded.split(", ").map(columns).collect())
}

fn not_taken(report: &Report, option: &str) -> Error {
    let by = (!report.header.groupings.is_empty()).then(|| "--by".to_owned());
    let taken = report.header.params.iter().map(Param::option).chain(by).collect();
    Error::NotTaken { report: report.name.clone(), option: option.to_owned(), taken }
}
