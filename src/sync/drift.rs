//! How a list's records differ from the catalog: members that it does not know, and members that no record has. The
//! latter is the only sign that an API has dropped a member.

use std::collections::BTreeMap;

use arrow::array::{Array, RecordBatch};

use crate::normalize::{OTHERS, UNKNOWN_NAMES_MAX, UnknownField};
use crate::schema::EXTRA;

/// Records that have to be read before a missing member means anything.
const RECORDS_MIN: usize = 10;

/// Counts, column by column, the records that have a value.
#[derive(Debug, Default)]
pub(super) struct Members {
    records: usize,
    /// Name and records with a value, in the batches' order.
    columns: Vec<(String, usize)>,
}

impl Members {
    pub(super) fn see(&mut self, batch: &RecordBatch) {
        if self.columns.is_empty() {
            self.columns = batch.schema().fields().iter().map(|field| (field.name().clone(), 0)).collect();
        }
        self.records += batch.num_rows();
        for ((_, present), column) in self.columns.iter_mut().zip(batch.columns()) {
            *present += column.len() - column.null_count();
        }
    }

    /// Adds what another part of the same list has.
    pub(super) fn add(&mut self, other: &Members) {
        self.records += other.records;
        match self.columns.is_empty() {
            true => self.columns.clone_from(&other.columns),
            false => self.columns.iter_mut().zip(&other.columns).for_each(|((_, all), (_, part))| *all += part),
        }
    }

    /// Declared members that no record had. Empty where too few records were read.
    pub(super) fn missing(&self) -> Vec<String> {
        if self.records < RECORDS_MIN {
            return Vec::new();
        }
        // It is usually absent.
        let is_extra = |name: &str| name == EXTRA;
        let missing = self.columns.iter().filter(|(name, present)| *present == 0 && !is_extra(name));
        missing.map(|(name, _)| name.clone()).collect()
    }
}

/// A member that the catalog does not know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unknown {
    pub count: u64,
    /// A value of it, as JSON.
    pub sample: String,
}

impl Unknown {
    /// The kind of JSON value that it has; `None` where the sample does not show it.
    pub(super) fn form(&self) -> Option<&'static str> {
        Some(match self.sample.bytes().next()? {
            b'"' => "text",
            b'{' => "object",
            b'[' => "list",
            b't' | b'f' => "truth value",
            b'-' | b'0'..=b'9' => "number",
            _ => return None,
        })
    }
}

/// Members that the catalog does not know, by name: at most [`UNKNOWN_NAMES_MAX`]; the rest count under [`OTHERS`].
#[derive(Clone, Debug, Default)]
pub(super) struct UnknownMembers(BTreeMap<String, Unknown>);

impl UnknownMembers {
    pub(super) fn add(&mut self, field: UnknownField) {
        let named = self.0.len() - usize::from(self.0.contains_key(OTHERS));
        let has_room = named < UNKNOWN_NAMES_MAX || self.0.contains_key(&field.name);
        let name = if has_room { field.name } else { OTHERS.to_owned() };
        let unknown = self.0.entry(name).or_default();
        unknown.count += field.count;
        if unknown.form().is_none() {
            unknown.sample = field.sample;
        }
    }

    /// Adds what another list of the same table has.
    pub(super) fn extend(&mut self, other: &UnknownMembers) {
        for (name, Unknown { count, sample }) in &other.0 {
            self.add(UnknownField { name: name.clone(), count: *count, sample: sample.clone() });
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Unknown)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;

    use super::*;

    fn batch(a: Vec<Option<&str>>, b: Vec<Option<&str>>) -> RecordBatch {
        let column = |values| Arc::new(StringArray::from(values)) as _;
        RecordBatch::try_from_iter_with_nullable([("a", column(a), true), ("b", column(b), true)]).unwrap()
    }

    #[test]
    fn unknown_members_are_bounded_however_many_pages_have_how_many_names() {
        let field = |name: String| UnknownField { name, count: 1, sample: "null".to_owned() };
        let mut all = UnknownMembers::default();
        for page in 0..50 {
            let mut list = UnknownMembers::default();
            (0..90).for_each(|member| list.add(field(format!("m{page}_{member}"))));
            all.extend(&list);
        }
        let mut again = UnknownMembers::default();
        again.extend(&all);
        assert_eq!([all.iter().count(), again.iter().count()], [UNKNOWN_NAMES_MAX + 1; 2]);
        assert_eq!(all.iter().map(|(_, unknown)| unknown.count).sum::<u64>(), 50 * 90);
        assert_eq!(OTHERS, crate::store::DRIFT_OTHERS);
    }

    #[test]
    fn a_sample_that_shows_the_kind_of_value_replaces_one_that_does_not() {
        let mut members = UnknownMembers::default();
        for sample in ["null", "7", "\"x\""] {
            members.add(UnknownField { name: "m".into(), count: 1, sample: sample.into() });
        }
        let (_, member) = members.iter().next().unwrap();
        assert_eq!((member.sample.as_str(), member.form(), member.count), ("7", Some("number"), 3));
    }

    #[test]
    fn a_member_is_missing_where_no_record_of_enough_has_it() {
        let mut members = Members::default();
        members.see(&batch(vec![Some("x"); 9], vec![None; 9]));
        assert!(members.missing().is_empty(), "too few records");
        members.see(&batch(vec![None], vec![None]));
        assert_eq!(members.missing(), ["b"]);
        members.see(&batch(vec![None], vec![Some("")]));
        assert!(members.missing().is_empty());
    }
}
