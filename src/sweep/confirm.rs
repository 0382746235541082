//! Decides whether the records that a reading did not show are gone. One reading of a list that changes meanwhile
//! cannot prove that: a second reading must miss them too. This file compares readings by keys and evidence; it
//! requests no page.
//!
//! A reading misses a record only if the record moved past the position that was being read. If seams or a single
//! answer rule that out, two such readings are enough. Otherwise a missed record leaves a trace: the change that moved
//! it (a record before it was deleted or moved behind it) makes the next reading lack a record that this one showed, or
//! show it recreated. So the confirming reading must show every record of the readings before it, with the same values
//! in the columns that never change; it may show new records too. Even if seams rule out a miss it must show nearly all
//! of them, since an answer may be incomplete. If readings do not agree, another one follows, within bounds.

use std::collections::HashSet;

use super::page::{Evidence, Listing};

/// Percent of the records shown so far that a strong reading may lack and still confirm: they may have been deleted
/// meanwhile.
pub(super) const LACKING_PERCENT_MAX: usize = 10;

/// Collects readings until they confirm that records of the store, which the first reading did not show, are gone.
pub(super) struct Confirmation {
    /// Evidence of the reading before.
    evidence: Evidence,
    is_usable: bool,
    /// Keys in the store that no reading has shown yet.
    missing: HashSet<u64>,
    /// Keys that any reading has shown.
    shown: HashSet<u64>,
    /// The [`Listing::stable_sum`] of a reading that shows all of them as they were first shown.
    stable_sum: u64,
    /// Whether this reading has shown a record that the one before missed.
    found: bool,
}

impl Confirmation {
    pub(super) fn new(first: Listing, missing: Vec<u64>) -> Confirmation {
        Confirmation {
            is_usable: is_usable(&first),
            evidence: first.evidence,
            missing: missing.into_iter().collect(),
            shown: first.keys,
            stable_sum: first.stable_sum,
            found: false,
        }
    }

    /// Adds a record of a reading; true if no reading has shown it before.
    pub(super) fn adds(&mut self, identity: u64, stable_hash: u64) -> bool {
        let is_added = self.shown.insert(identity);
        if is_added {
            self.stable_sum = self.stable_sum.wrapping_add(stable_hash);
            self.found |= self.missing.remove(&identity);
        }
        is_added
    }

    /// Whether every missing record has been shown, so that nothing is left to confirm.
    pub(super) fn has_shown_all(&self) -> bool {
        self.missing.is_empty()
    }

    pub(super) fn missing(&self) -> u64 {
        self.missing.len() as u64
    }

    /// Whether a finished reading confirms that the missing records are gone. If not, the next reading is compared with
    /// this one.
    pub(super) fn is_confirmed_by(&mut self, again: Listing) -> bool {
        if !is_usable(&again) {
            return false;
        }
        let was_usable = std::mem::replace(&mut self.is_usable, true);
        let lacking = self.shown.len() - again.keys.len();
        let shows_all = lacking == 0 && again.stable_sum == self.stable_sum;
        let shows_enough = lacking * 100 <= self.shown.len() * LACKING_PERCENT_MAX;
        let cannot_pass_over = is_strong(&self.evidence) && is_strong(&again.evidence);
        let is_confirmed = was_usable && !self.found && (shows_all || cannot_pass_over && shows_enough);
        (self.evidence, self.found) = (again.evidence, false);
        is_confirmed
    }
}

/// Whether a reading can be compared with another one.
fn is_usable(listing: &Listing) -> bool {
    why_unusable(listing).is_none()
}

/// Why a reading cannot be compared with another one, if it cannot. An empty answer without a total proves nothing.
pub(super) fn why_unusable(listing: &Listing) -> Option<&str> {
    match listing.evidence {
        Evidence::End if listing.keys.is_empty() => Some("the answer is empty and gives no total"),
        _ => listing.evidence.reason(),
    }
}

/// Whether the evidence rules out that a record moved past the position that was being read.
fn is_strong(evidence: &Evidence) -> bool {
    matches!(evidence, Evidence::OnePage | Evidence::Seams)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: u64 = 1_000;

    fn stable_hash(key: u64) -> u64 {
        key * CREATED
    }

    fn listing(evidence: Evidence, keys: &[u64]) -> Listing {
        Listing {
            evidence,
            total_first: None,
            total_last: None,
            rows_read: keys.len() as u64,
            keys: keys.iter().copied().collect(),
            stable_sum: keys.iter().map(|key| stable_hash(*key)).sum(),
            is_total_met: false,
            #[cfg(test)]
            seam_repairs: 0,
        }
    }

    /// Whether a second reading confirms that what the first did not show is gone.
    fn confirms(first: Listing, missing: &[u64], again: Listing) -> bool {
        let mut confirmation = Confirmation::new(first, missing.to_vec());
        for key in again.keys.clone() {
            confirmation.adds(key, stable_hash(key));
        }
        !confirmation.has_shown_all() && confirmation.is_confirmed_by(again)
    }

    fn weak(keys: &[u64]) -> Listing {
        listing(Evidence::Totals, keys)
    }

    fn strong(keys: &[u64]) -> Listing {
        listing(Evidence::Seams, keys)
    }

    #[test]
    fn two_readings_that_list_the_same_confirm_whatever_their_evidence() {
        for evidence in [Evidence::OnePage, Evidence::Seams, Evidence::Totals, Evidence::End, Evidence::Markers] {
            let reading = || listing(evidence.clone(), &[1, 2, 3]);
            assert!(confirms(reading(), &[4], reading()), "{evidence:?}");
        }
    }

    #[test]
    fn a_second_reading_may_show_what_is_new() {
        assert!(confirms(weak(&[1, 2]), &[9], weak(&[1, 2, 3])));
    }

    #[test]
    fn a_second_reading_that_lacks_what_the_first_showed_confirms_only_where_seams_rule_out_a_miss() {
        assert!(!confirms(weak(&[1, 2]), &[9], weak(&[1])));
        assert!(!confirms(strong(&[1, 2]), &[9], weak(&[1])));
        let ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        assert!(confirms(strong(&ten), &[99], strong(&ten[1..])));
        assert!(!confirms(strong(&ten), &[99], strong(&ten[2..])), "two of ten at once are too many");
    }

    #[test]
    fn a_reading_is_compared_with_all_readings_before_it_and_not_only_with_the_last() {
        for (second, third) in [(&[][..], &[][..]), (&[1, 2], &[1, 2]), (&[], &[3, 4]), (&[7, 8, 9], &[7, 8, 9])] {
            for reading in [strong, weak] {
                let mut confirmation = Confirmation::new(reading(&[1, 2, 3, 4]), vec![99]);
                for keys in [second, third] {
                    for key in keys {
                        confirmation.adds(*key, stable_hash(*key));
                    }
                    assert!(!confirmation.is_confirmed_by(reading(keys)), "{second:?}, then {third:?}");
                }
            }
        }
    }

    #[test]
    fn a_record_recreated_under_its_old_key_is_not_the_one_that_the_first_reading_showed() {
        let mut again = weak(&[1, 2]);
        again.stable_sum += CREATED;
        assert!(!confirms(weak(&[1, 2]), &[9], again));
    }

    #[test]
    fn a_reading_that_shows_what_the_first_missed_makes_the_first_unusable() {
        for reading in [strong, weak] {
            let mut confirmation = Confirmation::new(reading(&[1, 2]), vec![8, 9]);
            assert!(confirmation.adds(9, stable_hash(9)));
            assert!(!confirmation.has_shown_all());
            assert!(!confirmation.is_confirmed_by(reading(&[1, 2, 9])), "only one reading missed 8");
            assert!(!confirmation.adds(9, stable_hash(9)), "it has been shown");
            assert!(confirmation.is_confirmed_by(reading(&[1, 2, 9])));
        }
    }

    #[test]
    fn readings_that_prove_nothing_confirm_nothing() {
        for evidence in [Evidence::Moved("it moved".into()), Evidence::Unprovable("no keys".into())] {
            assert!(!confirms(weak(&[1]), &[9], listing(evidence.clone(), &[1])));
        }
        let says_nothing = || listing(Evidence::End, &[]);
        assert!(!confirms(says_nothing(), &[9], says_nothing()));
        assert!(!confirms(says_nothing(), &[9], listing(Evidence::OnePage, &[])), "one reading is not two");
        assert!(confirms(listing(Evidence::OnePage, &[]), &[9], listing(Evidence::OnePage, &[])));
    }

    #[test]
    fn nothing_is_left_to_confirm_once_every_missing_record_was_shown() {
        let mut confirmation = Confirmation::new(weak(&[1]), vec![9]);
        assert!(confirmation.adds(9, stable_hash(9)));
        assert!(confirmation.has_shown_all());
    }
}
