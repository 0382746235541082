//! Records for any list, drawn from its columns alone, so that a user's own endpoint has data as well.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::joins::Joined;
use super::period::{DAY, HOUR, Period, chance, elapsed, pick};
use super::times::written;
use crate::base::clock::Timestamp;
use crate::catalog::spec::{Column, Endpoint};
use crate::schema::ColumnType;

const HISTORY_DAYS: i64 = 90;
/// Lists of which a tenant has few records, and how many.
const FEW: [(&str, usize); 8] = [
    ("desktop_pools", 8),
    ("user_groups", 12),
    ("app_server_groups", 9),
    ("app_servers", 40),
    ("image_servers", 15),
    ("pipelines", 40),
    ("swr_instances", 3),
    ("ims_images", 30),
];
/// Share of the records that change in a day.
const CHANGED: f64 = 0.02;
/// The same for the children of a parent that moves.
const CHILDREN_CHANGED: f64 = 0.2;
/// How often a value is absent where it may be.
const ABSENT: f64 = 0.05;
/// How often a parent has no children at the start.
const CHILDLESS: f64 = 0.1;
/// What has an end takes no longer.
const TAKES_MAX: i64 = HOUR;
/// Share of the records whose state says that all is well, where there is a word for it.
const WELL: f64 = 0.75;
/// Words of states that say so.
const WELL_STATES: [&str; 8] =
    ["success", "succeeded", "complete", "completed", "active", "normal", "running", "ready"];
/// Different names among the records of a list.
const NAMES: usize = 50;
/// Draws before a value that should differ is taken as it is.
const DRAWS_MAX: usize = 50;

/// What is known of a list besides its columns.
pub(crate) struct Making<'a> {
    pub endpoint: &'a Endpoint,
    /// The columns, and fields within them, from which other lists take values for their requests.
    pub taken: Vec<&'a [String]>,
    pub joined: Joined<'a>,
}

impl Making<'_> {
    fn is_key(&self, column: &Column) -> bool {
        let named = |name: &String| *name == column.name;
        self.endpoint.key.iter().any(|part| named(&part.column) || part.fallback.as_ref().is_some_and(named))
    }

    fn takes_from(&self, column: &Column) -> bool {
        self.taken.iter().any(|of| of.first() == Some(&column.name))
    }

    /// Whether some records have no value in this column.
    fn may_lack(&self, column: &Column) -> bool {
        let splits = self.endpoint.split.as_ref().is_some_and(|split| split.column.as_ref() == Some(&column.name));
        column.nullable && !self.takes_from(column) && !splits
    }

    /// Whether records without a key differ in this column: the first text of any kind.
    fn tells_apart(&self, column: &Column) -> bool {
        let is_free =
            |column: &&Column| column.ty == ColumnType::Text && column.values.is_empty() && !column.is_given();
        self.endpoint.columns.iter().any(Column::is_record_key)
            && self.endpoint.columns.iter().find(is_free).is_some_and(|first| first.name == column.name)
    }

    /// The most records at the start.
    fn rows(&self, period: &Period) -> usize {
        let few = FEW.iter().find(|(table, _)| *table == self.endpoint.name);
        match few {
            _ if self.endpoint.parent.is_some() => 2 * period.settings.children,
            Some((_, rows)) => period.settings.other_rows.min(*rows),
            None => period.settings.other_rows,
        }
    }
}

pub(crate) fn history(period: &Period, making: &Making) -> Vec<Value> {
    let mut rng = period.rng(&making.endpoint.name);
    let is_child = making.endpoint.parent.is_some();
    let rows = match is_child {
        true if chance(&mut rng, CHILDLESS) => 0,
        true => rng.usize(..=making.rows(period)),
        false => making.rows(period),
    };
    // Parents that come later have children of that day.
    let days = if is_child && period.number > 0 { 1 } else { HISTORY_DAYS };
    let history = Period { from: Timestamp(period.until.0 - days * DAY), ..*period };
    let moments = history.moments(&mut rng, rows);
    let numbered = moments.into_iter().enumerate();
    numbered.map(|(number, made)| record(period, making, &mut rng, number, made)).collect()
}

pub(crate) fn advance(period: &Period, making: &Making, records: &mut Vec<Value>) {
    let mut rng = period.rng(&making.endpoint.name);
    let changed = if making.endpoint.parent.is_some() { CHILDREN_CHANGED } else { CHANGED };
    for record in records.iter_mut() {
        if chance(&mut rng, changed) {
            change(period, making, &mut rng, record);
        }
    }
    if records.len() > 4 {
        records.remove(rng.usize(..records.len() / 2));
    }
    let rows = making.rows(period);
    let count = period.about(&mut rng, rows / HISTORY_DAYS as usize);
    for (n, made) in period.moments(&mut rng, count).into_iter().enumerate() {
        let number = rows + period.number as usize * 1000 + n;
        records.push(record(period, making, &mut rng, number, made));
    }
}

pub(crate) fn record(period: &Period, making: &Making, rng: &mut Rng, number: usize, made: Timestamp) -> Value {
    let endpoint = making.endpoint;
    let mut record = Value::Object(Map::new());
    for column in endpoint.columns.iter().filter(|column| !column.is_given()) {
        let is_key = endpoint.key.iter().any(|part| part.column == column.name);
        let orders = endpoint.order.contains(&column.name);
        let value = match &column.ty {
            ColumnType::Timestamp(form) if is_of_the_end(&column.name) && !orders => {
                written(*form, Timestamp(made.0 + rng.i64(0..TAKES_MAX)).min(period.until))
            }
            ColumnType::Timestamp(form) => written(*form, made),
            _ if is_zone(endpoint, column) => json!("Asia/Shanghai"),
            // Equal moments are rare enough; a counter keeps the text in the order of time too.
            ColumnType::Text if making.tells_apart(column) => json!(format!("{} {number}", column.name)),
            ColumnType::Text if is_key || orders => json!(format!("{number:08}-{}", period.id(&endpoint.name))),
            ColumnType::Int32 | ColumnType::Int64 if is_key || orders => json!(number),
            ColumnType::Text if column.name == "name" && column.values.is_empty() => {
                json!(format!("{} {}", endpoint.name.trim_end_matches('s'), number % NAMES))
            }
            _ if is_of_a_fault(column) && chance(rng, WELL) => continue,
            _ if making.may_lack(column) && chance(rng, ABSENT) => continue,
            _ => drawn(column, rng, number, made),
        };
        place(&mut record, &column.path, value);
    }
    for of in &making.taken {
        let Some(column) = of.first().and_then(|name| endpoint.column(name)) else { continue };
        if !column.is_given() && !making.is_key(column) {
            let path: Vec<&str> = column.path.iter().chain(&of[1..]).map(String::as_str).collect();
            mark(&mut record, &path, number, &period.id(&of.join(".")));
        }
    }
    if let Some(own) = endpoint.column("status").filter(|column| !column.values.is_empty()) {
        let status = record.get("status").cloned().unwrap_or_default();
        let well = own.values.iter().find(|value| is_well(value)).map_or(Value::Null, |value| json!(value));
        record.as_object_mut().into_iter().flatten().for_each(|(_, member)| agree(member, &status, &well));
    }
    making.joined.apply(&mut record, rng, number);
    record
}

/// Gives the parts of a record that have a status ones that go with its own: all went well but the last.
fn agree(member: &mut Value, status: &Value, well: &Value) {
    let Value::Array(parts) = member else { return };
    let last = parts.len();
    for (place, part) in parts.iter_mut().enumerate() {
        if let Some(of_part) = part.get_mut("status") {
            *of_part = if place + 1 == last { status.clone() } else { well.clone() };
        }
    }
}

/// Whether a state says that all is well.
fn is_well(state: &str) -> bool {
    WELL_STATES.contains(&state.to_lowercase().as_str())
}

/// Makes the values at a path unlike those of any other record: other lists are asked for by them.
fn mark(value: &mut Value, path: &[&str], number: usize, id: &str) {
    match (value, path) {
        (Value::Array(items), _) => {
            items.iter_mut().enumerate().for_each(|(n, item)| mark(item, path, number * 10 + n, id));
        }
        (Value::Object(members), [first, rest @ ..]) => {
            members.get_mut(*first).into_iter().for_each(|member| mark(member, rest, number, id));
        }
        (value @ Value::String(_), []) => *value = json!(format!("{number:08}-{id}")),
        (value @ Value::Number(_), []) => *value = json!(number),
        _ => {}
    }
}

pub(crate) fn change(period: &Period, making: &Making, rng: &mut Rng, record: &mut Value) {
    let endpoint = making.endpoint;
    let at = period.moment(rng);
    let free = |column: &&Column| {
        !column.is_given()
            && !making.is_key(column)
            && !making.takes_from(column)
            && !endpoint.order.contains(&column.name)
            && !column.volatile
            && !is_zone(endpoint, column)
            && !column.ty.is_instant()
    };
    let changeable: Vec<_> = endpoint.columns.iter().filter(free).collect();
    if let Some(column) = rng.choice(changeable) {
        let number = rng.usize(..1000);
        place(record, &column.path, drawn(column, rng, number, at));
    }
    let updated = endpoint.updated.as_ref().and_then(|name| endpoint.column(name));
    if let Some((column, ColumnType::Timestamp(form))) = updated.map(|column| (column, &column.ty)) {
        place(record, &column.path, written(*form, at));
    }
}

/// Gives a column of a record another value than it has, as something that happened in the period does.
pub(crate) fn move_column(period: &Period, column: &Column, rng: &mut Rng, record: &mut Value) {
    let before = column.path.iter().try_fold(&*record, |at, name| at.get(name)).cloned();
    for _ in 0..DRAWS_MAX {
        let (number, at) = (rng.usize(..1000), period.moment(rng));
        let value = drawn(column, rng, number, at);
        if Some(&value) != before.as_ref() {
            place(record, &column.path, value);
            return;
        }
    }
}

/// Whether the column says what went wrong, by its name: most records have nothing there.
fn is_of_a_fault(column: &Column) -> bool {
    let is_named_so = ["fail", "error"].iter().any(|word| column.name.contains(word));
    is_named_so && column.nullable && column.ty == ColumnType::Text
}

/// Whether a time is that of the end of something, by the name of its column.
fn is_of_the_end(name: &str) -> bool {
    ["end", "finish", "update", "complete"].iter().any(|word| name.contains(word))
}

/// Whether the column has the zone of a time in another.
fn is_zone(endpoint: &Endpoint, column: &Column) -> bool {
    endpoint.columns.iter().any(|other| other.zone_column.as_ref() == Some(&column.name))
}

fn drawn(column: &Column, rng: &mut Rng, number: usize, at: Timestamp) -> Value {
    if column.ty == ColumnType::Text && !column.values.is_empty() {
        match column.values.iter().find(|value| is_well(value)) {
            Some(well) if chance(rng, WELL) => json!(well),
            _ => json!(pick(rng, &column.values)),
        }
    } else {
        value(&column.ty, &column.name, rng, number, at)
    }
}

fn value(ty: &ColumnType, name: &str, rng: &mut Rng, number: usize, at: Timestamp) -> Value {
    match ty {
        ColumnType::Text => json!(format!("{name} {}", number % 50)),
        // Values without a type are objects in the documentation.
        ColumnType::Json => json!({ format!("{name} {}", number % 50): [] }),
        ColumnType::Bool => json!(rng.bool()),
        ColumnType::Int32 => json!(rng.i32(-1..10_000)),
        ColumnType::Int64 => json!(rng.i64(0..1 << 40)),
        ColumnType::Double => json!(f64::from(rng.u32(..1_000_000)) / 64.0),
        ColumnType::Timestamp(form) => written(*form, at),
        ColumnType::Elapsed => json!(elapsed(rng.u32(..100_000))),
        ColumnType::Struct(fields) => {
            let mut object = Value::Object(Map::new());
            for field in fields {
                place(&mut object, &field.path, value(&field.ty, &field.name, rng, number, at));
            }
            object
        }
        ColumnType::List(item) => (0..number % 3).map(|n| value(item, name, rng, number + n, at)).collect(),
        ColumnType::Map(item) => Value::Object(
            (0..number % 3).map(|n| (format!("{name}{n}"), value(item, name, rng, number + n, at))).collect(),
        ),
    }
}

/// Sets the value at a path, and makes the objects on the way.
fn place(record: &mut Value, path: &[String], value: Value) {
    let mut at = record;
    for name in path {
        at = &mut at[name.as_str()];
    }
    *at = value;
}
