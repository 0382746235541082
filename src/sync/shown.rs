//! What the time spans of one part have shown, so that two different records under one key are found. It knows nothing of
//! pages; a record is here the hash of its key, and one of its values that never change.

use std::collections::HashMap;

#[derive(Default)]
pub(super) struct Shown {
    by_spans: HashMap<u64, u64>,
    by_this_span: HashMap<u64, u64>,
    contradicts: bool,
}

impl Shown {
    /// Adds a record of the span that is being read.
    pub(super) fn add(&mut self, key: u64, unchanging: u64) {
        self.by_this_span.insert(key, unchanging);
    }

    /// Forgets the span that is being read: it is read again, or not stored.
    pub(super) fn drop_span(&mut self) {
        self.by_this_span.clear();
    }

    /// Compares the span that was read with those before it. A record that lies where two spans meet is in both.
    pub(super) fn end_span(&mut self) {
        for (key, unchanging) in self.by_this_span.drain() {
            let before = self.by_spans.insert(key, unchanging);
            self.contradicts |= before.is_some_and(|before| before != unchanging);
        }
    }

    /// Whether two spans have shown different records under one key.
    pub(super) fn contradicts_itself(&self) -> bool {
        self.contradicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether spans of these records contradict each other.
    fn contradict(spans: &[&[(u64, u64)]]) -> bool {
        let mut shown = Shown::default();
        for span in spans {
            span.iter().for_each(|(key, unchanging)| shown.add(*key, *unchanging));
            shown.end_span();
        }
        shown.contradicts_itself()
    }

    #[test]
    fn a_record_in_two_spans_is_no_contradiction_and_another_under_its_key_is() {
        assert!(!contradict(&[&[(1, 10), (2, 20)], &[(2, 20), (3, 30)], &[(4, 40)]]));
        assert!(contradict(&[&[(1, 10)], &[(2, 20)], &[(1, 11)]]));
    }

    #[test]
    fn a_span_that_is_read_again_counts_once() {
        let mut shown = Shown::default();
        shown.add(1, 10);
        shown.end_span();
        shown.add(1, 11);
        shown.drop_span();
        shown.add(1, 10);
        shown.end_span();
        assert!(!shown.contradicts_itself());
    }
}
