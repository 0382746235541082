//! Records for any list, drawn from its columns alone, so that a user's own endpoint has data as well.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::period::{DAY, Period, SECOND, chance, elapsed, local, millis, pick, zoneless};
use crate::base::clock::Timestamp;
use crate::catalog::spec::{Column, Endpoint};
use crate::schema::{ColumnType, TimeForm, ZoneRule};

const HISTORY_DAYS: i64 = 90;
/// Share of the records that change in a day.
const CHANGED: f64 = 0.02;
/// How often a value is absent where it may be.
const ABSENT: f64 = 0.05;

pub(crate) fn history(period: &Period, endpoint: &Endpoint) -> Vec<Value> {
    let mut rng = period.rng(&endpoint.name);
    let history = Period { from: Timestamp(period.until.0 - HISTORY_DAYS * DAY), ..*period };
    let moments = history.moments(&mut rng, period.settings.other_rows);
    let numbered = moments.into_iter().enumerate();
    numbered.map(|(number, made)| record(period, endpoint, &mut rng, number, made)).collect()
}

pub(crate) fn advance(period: &Period, endpoint: &Endpoint, records: &mut Vec<Value>) {
    let mut rng = period.rng(&endpoint.name);
    for record in records.iter_mut() {
        if chance(&mut rng, CHANGED) {
            change(period, endpoint, &mut rng, record);
        }
    }
    if records.len() > 4 {
        records.remove(rng.usize(..records.len() / 2));
    }
    let count = period.about(&mut rng, period.settings.other_rows / HISTORY_DAYS as usize);
    for (n, made) in period.moments(&mut rng, count).into_iter().enumerate() {
        let number = period.settings.other_rows + period.number as usize * 1000 + n;
        records.push(record(period, endpoint, &mut rng, number, made));
    }
}

fn record(period: &Period, endpoint: &Endpoint, rng: &mut Rng, number: usize, made: Timestamp) -> Value {
    let mut record = Value::Object(Map::new());
    for column in endpoint.columns.iter().filter(|column| !column.is_given()) {
        let is_key = endpoint.key.iter().any(|part| part.column == column.name);
        let orders = endpoint.order.contains(&column.name);
        let value = match &column.ty {
            ColumnType::Timestamp(form) => written(*form, made),
            _ if is_zone(endpoint, column) => json!("Asia/Shanghai"),
            // Equal moments are rare enough; a counter keeps the text in the order of time too.
            ColumnType::Text if is_key || orders => json!(format!("{number:08}-{}", period.id(&endpoint.name))),
            ColumnType::Int32 | ColumnType::Int64 if is_key || orders => json!(number),
            _ if column.nullable && chance(rng, ABSENT) => continue,
            _ => drawn(column, rng, number, made),
        };
        place(&mut record, &column.path, value);
    }
    record
}

fn change(period: &Period, endpoint: &Endpoint, rng: &mut Rng, record: &mut Value) {
    let at = period.moment(rng);
    let is_key = |column: &Column| {
        endpoint.key.iter().any(|part| part.column == column.name || part.fallback.as_ref() == Some(&column.name))
    };
    let free = |column: &&Column| {
        !column.is_given()
            && !is_key(column)
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

/// Whether the column has the zone of a time in another.
fn is_zone(endpoint: &Endpoint, column: &Column) -> bool {
    endpoint.columns.iter().any(|other| other.zone_column.as_ref() == Some(&column.name))
}

fn drawn(column: &Column, rng: &mut Rng, number: usize, at: Timestamp) -> Value {
    if column.ty == ColumnType::Text && !column.values.is_empty() {
        json!(pick(rng, &column.values))
    } else {
        value(&column.ty, &column.name, rng, number, at)
    }
}

fn value(ty: &ColumnType, name: &str, rng: &mut Rng, number: usize, at: Timestamp) -> Value {
    match ty {
        ColumnType::Text | ColumnType::Json => json!(format!("{name} {}", number % 50)),
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

fn written(form: TimeForm, at: Timestamp) -> Value {
    match form {
        TimeForm::EpochSeconds => json!(at.0 / SECOND),
        TimeForm::EpochMillis => json!(at.0 / 1000),
        TimeForm::Text { assumed: ZoneRule::Fixed(0) } => json!(millis(at)),
        TimeForm::Text { assumed: ZoneRule::Fixed(east_s) } => json!(zoneless(at, i64::from(east_s) * SECOND)),
        TimeForm::Text { assumed: ZoneRule::Codearts } => json!(local(at)),
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
