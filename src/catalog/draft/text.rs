//! Writes the first draft of a catalog file from one page of a list. What the page does not show is marked for a person
//! to fill in. The draft is a valid file. It sends nothing.

use std::fmt::Write;

use super::infer::{self, Shape, Written, snake};
use super::json::Json;
use crate::catalog::COLUMNS_MAX;
use crate::catalog::file_paging::BARE_ARRAY;
use crate::catalog::member_path;
use crate::catalog::spec::{ScopeKind, Service};
use crate::schema::{is_column_name, table_name_faults};

/// Marks what a person must fill in.
pub(crate) const FILL_IN: &str = "# FILL IN:";
const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 10_000;
const OFFSET_NAMES: [&str; 1] = ["offset"];
const PAGE_NAMES: [&str; 6] = ["page", "page_index", "page_no", "page_num", "pageNo", "pageIndex"];
const SIZE_NAMES: [&str; 6] = ["limit", "size", "page_size", "pageSize", "per_page", "page_limit"];
const MARKER_NAMES: [&str; 1] = ["marker"];

/// The request, and what came with the page.
pub(crate) struct Asked<'a> {
    pub service: Service,
    /// With `{project_id}` in place of the project, as in the query.
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub scope: ScopeKind,
    /// Where the records are, if the user gives it.
    pub items: Option<&'a str>,
    pub content_range: Option<&'a str>,
    /// Name of the table, if the user gives it.
    pub name: Option<&'a str>,
    /// Names of existing tables.
    pub taken: &'a [String],
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DraftFault {
    #[error("the answer has no array of records")]
    NoArray,
    #[error("the answer has no array of records at `{0}`")]
    NotThere(String),
    #[error("the list is empty, and columns are drafted from records")]
    Empty,
    #[error("no member of the records is a text or an integer that could be their key")]
    NoKey,
    #[error("the table name \"{name}\" {why}")]
    Name { name: String, why: String },
}

impl DraftFault {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            DraftFault::NoArray => Some("name the member that holds the records with --items".to_owned()),
            DraftFault::NotThere(_) => {
                Some("write nested members with dots, and [] for an answer that is the array".to_owned())
            }
            DraftFault::Empty => Some("ask in a project or region that has some".to_owned()),
            DraftFault::NoKey => None,
            DraftFault::Name { .. } => Some("name the table with --name".to_owned()),
        }
    }
}

/// A column of the draft.
struct Column {
    name: String,
    member: String,
    shape: Shape,
}

/// Where the answer has records, total and marker.
struct Places {
    items: String,
    total: Option<String>,
    next: Option<String>,
}

/// The draft, as the text of a file.
pub(crate) fn write(asked: &Asked<'_>, answer: &Json) -> Result<String, DraftFault> {
    let (items, records) = records(asked, answer)?;
    let total = infer::total(answer).map(|path| member_path::written(&path));
    let next = infer::next(answer).map(|path| member_path::written(&path));
    let places = Places { items, total, next };
    let (columns, left_out) = columns(records);
    let (key, key_is_guess) = key(records, &columns)?;
    let name = table_name(asked)?;

    let mut text = head(asked, &name);
    text += &answer_lines(asked, &places);
    text += &key_lines(&columns, &key, key_is_guess);
    text += &zone_lines(asked, &columns);
    text += &paging_lines(asked, &places);
    for column in &columns {
        text += &column_lines(column, key.contains(&column.member));
    }
    for (member, why) in left_out {
        text += &format!("\n# {} is left to `extra`: {why}\n", quoted(&member));
    }
    Ok(text)
}

fn records<'a>(asked: &Asked<'_>, answer: &'a Json) -> Result<(String, &'a [Json]), DraftFault> {
    let path = match (asked.items, answer) {
        (Some(BARE_ARRAY), _) | (None, Json::List(_)) => Vec::new(),
        (Some(items), _) => member_path::parse(items),
        (None, _) => infer::records(answer).ok_or(DraftFault::NoArray)?,
    };
    let written = if path.is_empty() { BARE_ARRAY.to_owned() } else { member_path::written(&path) };
    match answer.at(&path) {
        Some(Json::List(records)) if records.is_empty() => Err(DraftFault::Empty),
        Some(Json::List(records)) if records.iter().all(|r| matches!(r, Json::Object(_))) => Ok((written, records)),
        _ => Err(DraftFault::NotThere(written)),
    }
}

/// Columns for the members that can have one, and the other members with the reason.
fn columns(records: &[Json]) -> (Vec<Column>, Vec<(String, &'static str)>) {
    let mut columns: Vec<Column> = Vec::new();
    let mut left_out = Vec::new();
    for (member, shape) in infer::members(records) {
        let reason = if member.is_empty() {
            Some("a file cannot name it")
        } else if columns.len() == COLUMNS_MAX {
            Some("there are too many columns")
        } else {
            None
        };
        match (reason, infer::storable(&shape, 1)) {
            (Some(reason), _) => left_out.push((member, reason)),
            (None, None) => left_out.push((member, "the page does not show its type")),
            (None, Some(shape)) => columns.push(Column { name: column_name(&member, &columns), member, shape }),
        }
    }
    (columns, left_out)
}

fn column_name(member: &str, taken: &[Column]) -> String {
    const KEPT_CHARS: usize = 50;
    let mut name: String = snake(member).chars().take(KEPT_CHARS).collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "x_");
    }
    if !is_column_name(&name) {
        name.push_str("_value");
    }
    let is_taken = |name: &str| taken.iter().any(|column| column.name == name);
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(name)
}

fn key(records: &[Json], columns: &[Column]) -> Result<(Vec<String>, bool), DraftFault> {
    let can_be = |column: &&Column| matches!(column.shape, Shape::Text | Shape::Int64);
    let candidates: Vec<String> = columns.iter().filter(can_be).map(|column| column.member.clone()).collect();
    match infer::key(records, &candidates) {
        Some(key) => Ok((key, false)),
        None => Ok((vec![candidates.into_iter().next().ok_or(DraftFault::NoKey)?], true)),
    }
}

fn table_name(asked: &Asked<'_>) -> Result<String, DraftFault> {
    let fault = |name: &str| match asked.taken.iter().any(|taken| taken == name) {
        true => Some("is that of another list".to_owned()),
        false => table_name_faults(name).into_iter().next(),
    };
    if let Some(name) = asked.name {
        return match fault(name) {
            None => Ok(name.to_owned()),
            Some(why) => Err(DraftFault::Name { name: name.to_owned(), why }),
        };
    }
    let last = asked.path.rsplit('/').map(snake).find(|step| !step.is_empty() && step != "project_id");
    let last = last.unwrap_or_else(|| "records".to_owned());
    let candidates = [last.clone(), format!("{}_{last}", asked.service), format!("{}_{last}_list", asked.service)];
    let usable = candidates.iter().find(|name| fault(name).is_none()).cloned();
    usable.ok_or_else(|| DraftFault::Name { why: fault(&last).unwrap_or_default(), name: last })
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string().replace('\n', "\\n")
}

/// A key of a TOML table, quoted where needed.
fn key_text(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { name.to_owned() } else { quoted(name) }
}

fn head(asked: &Asked<'_>, name: &str) -> String {
    let words = name.replace('_', " ");
    let scope = match asked.scope {
        ScopeKind::IamProject => "iam_project",
        ScopeKind::CodeartsProject => "codearts_project",
        ScopeKind::Region => "region",
    };
    let paging_names = [&OFFSET_NAMES[..], &PAGE_NAMES, &SIZE_NAMES, &MARKER_NAMES].concat();
    let fixed: Vec<String> = asked
        .query
        .iter()
        .filter(|(name, _)| !paging_names.contains(&name.as_str()))
        .map(|(name, value)| format!("{} = {}", key_text(name), quoted(value)))
        .collect();
    let mut text = format!(
        "# Drafted from one page. FILL IN marks what the page does not show.\n\
         name = {}\n\
         {FILL_IN} title, what one row is, and the page of the documentation\n\
         title = {}\n\
         about = {}\n\
         doc = \"Name of the documentation's page.\"\n\
         service = {}\n\
         method = \"GET\"\n\
         path = {}\n\
         scope = {}\n",
        quoted(name),
        quoted(&format!("{}{}", words[..1].to_uppercase(), &words[1..])),
        quoted(&format!("One row for each of the {words}.")),
        quoted(asked.service.name()),
        quoted(asked.path),
        quoted(scope),
    );
    if !fixed.is_empty() {
        text += &format!("query = {{ {} }}\n", fixed.join(", "));
    }
    text + "# permission = \"service:resource:list\"\n"
}

fn answer_lines(asked: &Asked<'_>, places: &Places) -> String {
    let is_array = places.items == BARE_ARRAY;
    let mut text = format!("items = {}\n", quoted(&places.items));
    match (&places.total, asked.content_range.is_some_and(|range| range.contains('/'))) {
        (Some(total), _) if !is_array => text += &format!("total = {}\n", quoted(total)),
        (_, true) => text += "total = { header = \"Content-Range\" }\n",
        _ => text += &format!("{FILL_IN} total = …, if the answer has it\n"),
    }
    text
}

fn key_lines(columns: &[Column], key: &[String], is_guess: bool) -> String {
    let name_of = |member: &String| columns.iter().find(|column| column.member == *member).map_or("", |c| &c.name);
    let parts: Vec<String> = key.iter().map(|member| format!("{{ column = {} }}", quoted(name_of(member)))).collect();
    let instants = || columns.iter().filter(|column| matches!(column.shape, Shape::Instant(_)));
    let named = |words: &[&str]| {
        let is_named = |column: &&Column| words.iter().any(|word| column.name.contains(word));
        instants().find(is_named).map(|column| column.name.as_str())
    };
    let mut text = String::new();
    if is_guess {
        let _ = writeln!(text, "{FILL_IN} the key: no columns identify the records of the page");
    } else if !matches!(key, [only] if snake(only) == "id") {
        let _ = writeln!(text, "{FILL_IN} the key, unless this identifies all records, as it did on one page");
    }
    let _ = writeln!(text, "key = [{}]", parts.join(", "));
    let mut order: Vec<&str> = named(&["creat", "begin", "start"]).into_iter().collect();
    order.extend(key.iter().map(name_of).filter(|_| key.len() == 1));
    let order: Vec<String> = order.into_iter().map(quoted).collect();
    let _ = writeln!(text, "{FILL_IN} columns that never change in a record's life, and that the server may sort by");
    let _ = writeln!(text, "order = [{}]", order.join(", "));
    if let Some(updated) = named(&["updat", "modif", "chang"]) {
        let _ = writeln!(text, "updated = {}", quoted(updated));
    }
    text
}

fn zone_lines(asked: &Asked<'_>, columns: &[Column]) -> String {
    if !columns.iter().any(|column| lacks_zone(&column.shape)) {
        return String::new();
    }
    let zone = asked.service.zone().unwrap_or("+00:00");
    format!("{FILL_IN} the zone of times that are written without one\nzone = {}\n", quoted(zone))
}

fn lacks_zone(shape: &Shape) -> bool {
    match shape {
        Shape::Instant(written) => *written == Written::WithoutZone,
        Shape::List(item) => lacks_zone(item),
        Shape::Struct(fields) => fields.iter().any(|(_, shape)| lacks_zone(shape)),
        _ => false,
    }
}

fn paging_lines(asked: &Asked<'_>, places: &Places) -> String {
    let given = |names: &[&str]| asked.query.iter().find(|(name, _)| names.contains(&name.as_str()));
    let size = given(&SIZE_NAMES);
    let limit = size.and_then(|(_, value)| value.parse().ok()).unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let name_of =
        |given: Option<&(String, String)>, usual: &str| given.map_or(usual.to_owned(), |(name, _)| name.clone());
    let bounds = format!("limit = {limit}\npages_max = 1_000_000\n");
    let check = format!("\n{FILL_IN} the paging, and the largest page that the documentation allows\n[paging]\n");
    let counted = |kind: &str, position: String, size: String| {
        let (position, size) = (quoted(&position), quoted(&size));
        format!("{check}kind = \"{kind}\"\nin = \"query\"\nposition = {position}\nsize = {size}\n{bounds}")
    };
    if let Some(next) = places.next.as_ref().filter(|_| places.items != BARE_ARRAY) {
        let (marker, size) = (name_of(given(&MARKER_NAMES), "marker"), name_of(size, "limit"));
        let (marker, size, next) = (quoted(&marker), quoted(&size), quoted(next));
        return format!("{check}kind = \"marker\"\nmarker = {marker}\nsize = {size}\nnext = {next}\n{bounds}");
    }
    if let Some((name, first)) = given(&PAGE_NAMES) {
        let start = u64::from(first != "0");
        return counted("page", name.clone(), name_of(size, "page_size")) + &format!("start = {start}\n");
    }
    let has_total = places.total.is_some() || asked.content_range.is_some();
    if has_total || given(&OFFSET_NAMES).is_some() || size.is_some() {
        // The registry refuses an offset that is no multiple of the page size.
        let kind = if asked.service.has_offset_multiple() { "offset_multiple" } else { "offset" };
        return counted(kind, name_of(given(&OFFSET_NAMES), "offset"), name_of(size, "limit"));
    }
    format!("{check}kind = \"none\"\n")
}

fn column_lines(column: &Column, is_key: bool) -> String {
    let mut text = format!("\n[[column]]\nname = {}\n", quoted(&column.name));
    let path = member_path::written(std::slice::from_ref(&column.member));
    if path != column.name {
        text += &format!("path = {}\n", quoted(&path));
    }
    text += &type_of(&column.shape).iter().map(|(key, value)| format!("{key} = {value}\n")).collect::<String>();
    if is_key {
        text += "nullable = false\n";
    }
    text + &format!("about = {}\n", quoted(&what_is(&column.member)))
}

fn what_is(name: &str) -> String {
    format!("What `{name}` is.")
}

/// The keys of a file that declare a type.
fn type_of(shape: &Shape) -> Vec<(&'static str, String)> {
    let named = |name: &str| vec![("type", quoted(name))];
    let with = |name: &str, key, value| [named(name), vec![(key, value)]].concat();
    match shape {
        Shape::Bool => named("bool"),
        Shape::Int64 => named("int64"),
        Shape::Double => named("double"),
        Shape::Instant(Written::EpochSeconds) => with("timestamp", "format", quoted("epoch_seconds")),
        Shape::Instant(Written::EpochMillis) => with("timestamp", "format", quoted("epoch_millis")),
        Shape::Instant(_) => named("timestamp"),
        Shape::List(item) => with("list", "item", inline(&type_of(item))),
        Shape::Struct(fields) => {
            let field = |(name, shape): &(String, Shape)| {
                let about = vec![("about", quoted(&what_is(name)))];
                inline(&[vec![("name", quoted(name))], type_of(shape), about].concat())
            };
            with("struct", "fields", format!("[{}]", fields.iter().map(field).collect::<Vec<_>>().join(", ")))
        }
        Shape::Text | Shape::Blank | Shape::Unknown | Shape::Mixed => named("text"),
    }
}

fn inline(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}
