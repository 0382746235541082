//! Which members of a list's records have not come once: what an API drops shows by its absence alone.

use arrow::array::{Array, RecordBatch};

/// Records that have to be read before the absence of a member says anything.
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

    /// Declared members that no record had. Empty where too few records were read to tell.
    pub(super) fn missing(&self) -> Vec<String> {
        if self.records < RECORDS_MIN {
            return Vec::new();
        }
        // Its absence is the usual case.
        let is_extra = |name: &str| name == "extra";
        let missing = self.columns.iter().filter(|(name, present)| *present == 0 && !is_extra(name));
        missing.map(|(name, _)| name.clone()).collect()
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
    fn a_member_is_missing_where_no_record_of_enough_has_it() {
        let mut members = Members::default();
        members.see(&batch(vec![Some("x"); 9], vec![None; 9]));
        assert!(members.missing().is_empty(), "too few to tell");
        members.see(&batch(vec![None], vec![None]));
        assert_eq!(members.missing(), ["b"]);
        members.see(&batch(vec![None], vec![Some("")]));
        assert!(members.missing().is_empty());
    }
}
