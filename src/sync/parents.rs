//! The records of one table as parents of another list: which values they give to its requests, and which of them to ask
//! for in a run. Plain decisions over rows; it asks nothing and stores nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use xxhash_rust::xxh3::xxh3_64;

use crate::base::clock::Timestamp;
use crate::catalog::reach::{Parent, Span, Window, days};
use crate::store::{self, LastComplete};

/// The most parents of one list in one scope.
pub(crate) const PARENTS_MAX: usize = 500_000;

/// One parent: the values for a request, and what shows that its children may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParentRow {
    /// In the order of [`Parent::fill`].
    pub values: Vec<String>,
    /// The columns of [`Parent::changed`] as one text; `None` where the list names none.
    pub moved: Option<String>,
}

/// The parents in a batch of the parent table's rows. A record without one of the values gives none.
pub(super) fn rows_of(batch: &RecordBatch, parent: &Parent) -> Result<Vec<ParentRow>, store::Error> {
    let misfit = |error: ArrowError| store::Error::BatchShape { table: parent.table.clone(), fault: error.to_string() };
    given_by(batch, parent).map_err(misfit)
}

fn given_by(batch: &RecordBatch, parent: &Parent) -> Result<Vec<ParentRow>, ArrowError> {
    let moved = moved(batch, parent)?;
    let mut columns = Vec::with_capacity(parent.fill.len());
    for filled in &parent.fill {
        let (column, fields) = filled.of.split_first().expect("a path has a first step");
        let Some(array) = batch.column_by_name(column) else { return Ok(Vec::new()) };
        let rows: Vec<Place> = (0..batch.num_rows()).map(|row| Place { row, items: Vec::new() }).collect();
        let mut by_row: BTreeMap<usize, Vec<(Place, String)>> = BTreeMap::new();
        for (place, text) in texts_at(array, rows, column, fields)? {
            by_row.entry(place.row).or_default().push((place, text));
        }
        columns.push(by_row);
    }
    let mut parents = Vec::new();
    for row in 0..batch.num_rows() {
        let mut combined = vec![(Place { row, items: Vec::new() }, Vec::new())];
        for column in &columns {
            let values = column.get(&row).map_or(&[][..], Vec::as_slice);
            let with = |(before, texts): &(Place, Vec<String>)| {
                let fitting = values.iter().filter(|(place, _)| place.fits(before));
                let both =
                    |(place, text): &(Place, String)| (before.and(place), [texts.clone(), vec![text.clone()]].concat());
                fitting.map(both).collect::<Vec<_>>()
            };
            combined = combined.iter().flat_map(with).collect();
        }
        let moved = moved.as_ref().map(|moved| moved[row].clone());
        parents.extend(combined.into_iter().map(|(_, values)| ParentRow { values, moved: moved.clone() }));
    }
    Ok(parents)
}

/// Where a value lies: its row, and for each list on the way the list's path and the number of the item.
#[derive(Clone)]
struct Place {
    row: usize,
    items: Vec<(String, usize)>,
}

impl Place {
    /// Whether two values belong together: those of one list must be of the same item.
    fn fits(&self, other: &Place) -> bool {
        let agrees = |(list, item): &(String, usize)| other.items.iter().all(|(of, n)| of != list || n == item);
        self.items.iter().all(agrees)
    }

    fn and(&self, other: &Place) -> Place {
        Place { row: self.row, items: [self.items.clone(), other.items.clone()].concat() }
    }
}

/// The texts at the end of a path, each with its place. Lists on the way are opened.
fn texts_at(
    array: &ArrayRef,
    places: Vec<Place>,
    path: &str,
    fields: &[String],
) -> Result<Vec<(Place, String)>, ArrowError> {
    if let Some(list) = array.as_list_opt::<i32>() {
        let mut found = Vec::new();
        for (at, place) in places.into_iter().enumerate().filter(|(at, _)| list.is_valid(*at)) {
            let items = list.value(at);
            let of_item =
                |item| Place { row: place.row, items: [place.items.clone(), vec![(path.to_owned(), item)]].concat() };
            found.extend(texts_at(&items, (0..items.len()).map(of_item).collect(), &format!("{path}[]"), fields)?);
        }
        return Ok(found);
    }
    let Some((field, rest)) = fields.split_first() else {
        let texts = ArrayFormatter::try_new(array, &FormatOptions::default())?;
        let given = places.into_iter().enumerate().filter(|(n, _)| array.is_valid(*n));
        let given = given.map(|(n, place)| (place, texts.value(n).to_string()));
        return Ok(given.filter(|(_, text)| !text.is_empty()).collect());
    };
    let within: Option<&ArrayRef> = array.as_struct_opt().and_then(|object: &StructArray| object.column_by_name(field));
    match within {
        Some(within) => texts_at(within, places, &format!("{path}.{field}"), rest),
        None => Ok(Vec::new()),
    }
}

/// For each row the columns that show a change, as one text; NULL differs from empty text.
fn moved(batch: &RecordBatch, parent: &Parent) -> Result<Option<Vec<String>>, ArrowError> {
    if parent.changed.is_empty() {
        return Ok(None);
    }
    let options = FormatOptions::new().with_null("∅");
    let columns: Vec<ArrayFormatter<'_>> = parent
        .changed
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<_, _>>()?;
    let text = |row: usize| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" | ");
    Ok(Some((0..batch.num_rows()).map(text).collect()))
}

/// Each parent once: of two with the same values the later.
pub(super) fn distinct(rows: impl IntoIterator<Item = ParentRow>) -> Vec<ParentRow> {
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    let mut kept: Vec<ParentRow> = Vec::new();
    for row in rows {
        match places.get(&row.values) {
            Some(place) => kept[*place] = row,
            None => {
                places.insert(row.values.clone(), kept.len());
                kept.push(row);
            }
        }
    }
    kept
}

/// The parents to ask for in a run, in this order: those that were never read completely, those that moved since, and a
/// share of the others, the one that was read longest ago first. The share is what makes a full round last `every`:
/// with 2,000 parents and 30 days, 67 of them a night. Where the list does not say what shows a change, all are asked.
pub(super) fn choose(known: Vec<ParentRow>, last: &[LastComplete], parent: &Parent, now: Timestamp) -> Vec<ParentRow> {
    let last: HashMap<&[String], &LastComplete> = last.iter().map(|part| (part.parent.as_slice(), part)).collect();
    let count = known.len();
    let newest = known.iter().filter_map(|row| last.get(row.values.as_slice())).map(|part| part.at).max();
    let mut never = Vec::new();
    let mut moved = Vec::new();
    let mut rest = Vec::new();
    for row in known {
        match last.get(row.values.as_slice()) {
            None => never.push(row),
            Some(part) if row.moved.is_none() || part.moved != row.moved => moved.push((part.at, row)),
            Some(part) => rest.push((part.at, row)),
        }
    }
    let oldest_first = |(at, row): &(Timestamp, ParentRow)| (*at, xxh3_64(row.values.join("\u{1f}").as_bytes()));
    moved.sort_by_key(oldest_first);
    rest.sort_by_key(oldest_first);
    let share = share(count, newest.map_or(0, |newest| now.minus(newest)), parent.every.micros());
    never.into_iter().chain(moved.into_iter().chain(rest.into_iter().take(share)).map(|(_, row)| row)).collect()
}

/// The days to ask for in a run, as parents without a table: those that were never read completely, oldest first, and the
/// newest ones again, whose figures may still grow.
pub(super) fn days_due(window: &Window, last: &[LastComplete], now: Timestamp) -> (usize, Vec<(ParentRow, Span)>) {
    let complete: HashSet<&str> = last.iter().filter_map(|part| part.parent.first()).map(String::as_str).collect();
    let days = days(window, now.0);
    let again_from = now.0.saturating_sub(window.again.micros());
    let known = days.len();
    let row = |span: Span| Some((ParentRow { values: vec![day(span)?], moved: None }, span));
    let is_due =
        |(row, span): &(ParentRow, Span)| span.to_us > again_from || !complete.contains(row.values[0].as_str());
    (known, days.into_iter().filter_map(row).filter(is_due).collect())
}

/// The day that a span is, as text.
pub(super) fn day(span: Span) -> Option<String> {
    Some(Timestamp(span.from_us).to_datetime()?.format("%Y-%m-%d").to_string())
}

/// How many of so many parents are due for their turn after a time, if a full round lasts `every`.
fn share(parents: usize, since_us: i64, every_us: i64) -> usize {
    let (parents_wide, since, every) = (parents as u128, since_us.max(0) as u128, every_us.max(1) as u128);
    usize::try_from((parents_wide * since).div_ceil(every)).unwrap_or(usize::MAX).min(parents)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::array::{Int64Array, ListBuilder, StringArray, StringBuilder, StructBuilder, TimestampMicrosecondArray};
    use arrow::datatypes::Field;
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::reach::{Days, Filled, Orphans};

    const DAY: i64 = 86_400_000_000;

    fn parent(fill: &[&str], changed: &[&str]) -> Parent {
        let filled = |of: &&str| Filled { name: "x".into(), of: of.split('.').map(str::to_owned).collect() };
        Parent {
            table: "tasks".into(),
            fill: fill.iter().map(filled).collect(),
            changed: changed.iter().map(|name| name.to_string()).collect(),
            every: Days(30),
            orphans: Orphans::Kept,
        }
    }

    fn row(value: usize, moved: Option<&str>) -> ParentRow {
        ParentRow { values: vec![value.to_string()], moved: moved.map(str::to_owned) }
    }

    fn complete(value: usize, moved: Option<&str>, at: i64) -> LastComplete {
        LastComplete {
            parent: vec![value.to_string()],
            moved: moved.map(str::to_owned),
            reached_to: None,
            at: Timestamp(at),
        }
    }

    #[test]
    fn two_values_of_one_list_are_of_the_same_item() {
        let fields =
            ["id", "name"].map(|name| Field::new(name, StringArray::new_null(0).data_type().clone(), true)).to_vec();
        let mut lists = ListBuilder::new(StructBuilder::from_fields(fields, 4));
        for items in [&[("a", "first"), ("b", "second")][..], &[("c", "third")]] {
            for (id, name) in items {
                lists.values().field_builder::<StringBuilder>(0).unwrap().append_value(id);
                lists.values().field_builder::<StringBuilder>(1).unwrap().append_value(name);
                lists.values().append(true);
            }
            lists.append(true);
        }
        let parts: ArrayRef = Arc::new(lists.finish());
        let number: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        let batch = RecordBatch::try_from_iter([("parts", parts), ("number", number)]).unwrap();
        let rows = rows_of(&batch, &parent(&["parts.id", "number", "parts.name"], &[])).unwrap();
        let values: Vec<String> = rows.iter().map(|row| row.values.join(" ")).collect();
        assert_eq!(values, ["a 7 first", "b 7 second", "c 8 third"]);
    }

    #[test]
    fn values_come_from_columns_and_from_fields_in_lists_and_a_row_without_one_gives_none() {
        let fields = vec![Field::new("id", StringArray::new_null(0).data_type().clone(), true)];
        let mut lists = ListBuilder::new(StructBuilder::from_fields(fields, 4));
        for ids in [&["a", "b"][..], &[], &["c"]] {
            for id in ids {
                lists.values().field_builder::<StringBuilder>(0).unwrap().append_value(id);
                lists.values().append(true);
            }
            lists.append(true);
        }
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("number", Arc::new(Int64Array::from(vec![Some(7), Some(8), None]))),
            ("parts", Arc::new(lists.finish())),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(3)]).with_timezone("UTC"))),
            ("state", Arc::new(StringArray::from(vec![Some("on"), Some(""), None]))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let values = |fill: &[&str]| -> Vec<String> {
            rows_of(&batch, &parent(fill, &[])).unwrap().iter().map(|row| row.values.join("+")).collect()
        };
        assert_eq!(values(&["number"]), ["7", "8"]);
        assert_eq!(values(&["parts.id"]), ["a", "b", "c"]);
        assert_eq!(values(&["number", "parts.id"]), ["7+a", "7+b"]);
        assert_eq!(values(&["state"]), ["on"]);
        assert_eq!(values(&["parts.other"]), [""; 0]);
        let moved = rows_of(&batch, &parent(&["number"], &["state", "at"])).unwrap();
        let moved: Vec<_> = moved.into_iter().map(|row| row.moved.unwrap()).collect();
        assert_eq!(moved, ["on | 1970-01-01T00:00:00.000001Z", " | ∅"]);
    }

    #[test]
    fn a_parent_that_moved_or_was_never_read_is_asked_for_first() {
        let known = vec![row(1, Some("a")), row(2, Some("b")), row(3, Some("c"))];
        let last = [complete(1, Some("a"), 9 * DAY), complete(2, Some("old"), 8 * DAY)];
        let asked = choose(known, &last, &parent(&["id"], &["state"]), Timestamp(9 * DAY));
        assert_eq!(asked.iter().map(|row| row.values[0].as_str()).collect::<Vec<_>>(), ["3", "2"]);
    }

    #[test]
    fn a_list_that_names_no_column_for_changes_asks_for_all_parents() {
        let last: Vec<_> = (0..50).map(|n| complete(n, None, n as i64)).collect();
        let asked = choose((0..50).map(|n| row(n, None)).collect(), &last, &parent(&["id"], &[]), Timestamp(DAY));
        assert_eq!(asked.len(), 50);
    }

    #[test]
    fn two_thousand_parents_of_which_two_percent_move_cost_those_and_a_thirtieth_a_night() {
        let parent = parent(&["id"], &["state"]);
        let mut last: BTreeMap<usize, LastComplete> = BTreeMap::new();
        let mut states = vec![0; 2000];
        for night in 0..60 {
            if night > 0 {
                (0..40).for_each(|n| states[(night * 37 + n * 50) % 2000] += 1);
            }
            let known: Vec<_> = states.iter().enumerate().map(|(n, s)| row(n, Some(&s.to_string()))).collect();
            let before: Vec<_> = last.values().cloned().collect();
            let now = Timestamp(night as i64 * DAY);
            let asked = choose(known, &before, &parent, now);
            assert!(night == 0 || asked.len() <= 40 + 67, "night {night}: {}", asked.len());
            for row in asked {
                let value: usize = row.values[0].parse().unwrap();
                last.insert(value, LastComplete { at: now, ..complete(value, row.moved.as_deref(), 0) });
            }
            let oldest = last.values().map(|part| part.at.0).min().unwrap();
            assert!(now.0 - oldest <= 31 * DAY, "each parent has its turn within `every`");
        }
    }

    #[test]
    fn each_day_is_asked_for_until_it_was_read_completely_and_the_newest_once_more() {
        let window = Window {
            from: "from".into(),
            to: "to".into(),
            place: crate::catalog::spec::PagingPlace::Query,
            format: crate::catalog::reach::WindowFormat::Date,
            zone: crate::schema::ZoneRule::Fixed(0),
            width: Days(1),
            back: Days(5),
            again: Days(2),
            of: crate::catalog::reach::WindowOf::Day("day".into()),
        };
        let last = ["1970-01-05", "1970-01-07", "1970-01-09"]
            .map(|day| LastComplete { parent: vec![day.to_owned()], ..complete(0, None, 0) });
        // The tenth of January, at noon.
        let (known, due) = days_due(&window, &last, Timestamp(9 * DAY + DAY / 2));
        let days: Vec<&str> = due.iter().map(|(row, _)| row.values[0].as_str()).collect();
        assert_eq!((known, days), (5, vec!["1970-01-06", "1970-01-08", "1970-01-09"]));
        assert_eq!(due[0].1, Span { from_us: 5 * DAY, to_us: 6 * DAY });
    }

    proptest! {
        #[test]
        fn every_parent_that_moved_or_is_new_is_asked_for_once_and_nothing_else_beyond_the_share(
            states in proptest::collection::vec((0_u8..3, proptest::option::of((0_u8..3, 0_i64..40))), 0..60),
            day in 40_i64..80,
        ) {
            let known: Vec<_> = states.iter().enumerate().map(|(n, (s, _))| row(n, Some(&s.to_string()))).collect();
            let last: Vec<_> = states.iter().enumerate()
                .filter_map(|(n, (_, last))| last.map(|(s, at)| complete(n, Some(&s.to_string()), at * DAY)))
                .collect();
            let asked = choose(known, &last, &parent(&["id"], &["state"]), Timestamp(day * DAY));
            let names: BTreeSet<_> = asked.iter().map(|row| row.values[0].clone()).collect();
            prop_assert_eq!(names.len(), asked.len());
            let is_due = |s: u8, last: Option<(u8, i64)>| last.is_none_or(|(before, _)| before != s);
            let due = states.iter().enumerate().filter(|(_, (s, last))| is_due(*s, *last));
            let must: BTreeSet<_> = due.map(|(n, _)| n.to_string()).collect();
            prop_assert!(must.is_subset(&names));
            let newest = last.iter().map(|part| part.at.0).max().unwrap_or(day * DAY);
            prop_assert!(asked.len() - must.len() <= share(states.len(), day * DAY - newest, 30 * DAY));
        }
    }
}
