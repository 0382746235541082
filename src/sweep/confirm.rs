//! Whether the records that a reading did not show are gone. No single reading of a list that moves can say so: a
//! second one must miss them too. This file compares readings by keys and evidence; it asks for no page.
//!
//! A reading shows too little only if a record moved past the place where it was being read. Where seams or one answer
//! rule that out, two such readings suffice. Elsewhere a record that was passed over leaves a trace: what moved it (a
//! record deleted before it, or moved behind it) makes the next reading lack a record that this one showed, or show it
//! made again. So the reading that confirms must show all that the readings before it did, unchanged in what never
//! changes, besides what is new. Even where seams rule a miss out it must show nearly all of it, since an answer may be
//! lame. Readings that do not agree are followed by another, within bounds.

use std::collections::HashSet;

use super::page::{Evidence, Listing};

/// Of the records that readings have shown, how many a strong reading may lack and still confirm: what may have been
/// deleted meanwhile.
pub const LACKING_PERCENT_MAX: usize = 10;

/// What is in confirmation after a reading: records that the store holds and the reading did not show.
pub(super) struct Confirmation {
    /// Of the reading before.
    evidence: Evidence,
    is_usable: bool,
    /// Keys in the store that no reading has shown yet.
    missing: HashSet<u64>,
    /// Keys that any reading has shown.
    shown: HashSet<u64>,
    /// What [`Listing::stable_sum`] is of a reading that shows all of them as they were shown first.
    stable_sum: u64,
    /// Whether this reading has shown a record that the one before missed.
    found: bool,
}

impl Confirmation {
    pub fn new(first: Listing, missing: Vec<u64>) -> Confirmation {
        Confirmation {
            is_usable: is_usable(&first),
            evidence: first.evidence,
            missing: missing.into_iter().collect(),
            shown: first.keys,
            stable_sum: first.stable_sum,
            found: false,
        }
    }

    /// Whether a record is one that no reading has shown yet.
    pub fn adds(&mut self, identity: u64, stable_hash: u64) -> bool {
        let is_added = self.shown.insert(identity);
        if is_added {
            self.stable_sum = self.stable_sum.wrapping_add(stable_hash);
            self.found |= self.missing.remove(&identity);
        }
        is_added
    }

    /// Whether every record that was missing has been shown, so that nothing is left to confirm.
    pub fn has_shown_all(&self) -> bool {
        self.missing.is_empty()
    }

    pub fn missing(&self) -> u64 {
        self.missing.len() as u64
    }

    /// Takes a finished reading in; says whether it confirms that what is missing is gone. If not, it takes the place
    /// of the reading before.
    pub fn is_confirmed_by(&mut self, again: Listing) -> bool {
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

/// Whether a reading is worth something on its own.
fn is_usable(listing: &Listing) -> bool {
    why_unusable(listing).is_none()
}

/// Why a reading is worth nothing, where it is not. An empty answer that gives no total says nothing.
pub(super) fn why_unusable(listing: &Listing) -> Option<&str> {
    match listing.evidence {
        Evidence::End if listing.keys.is_empty() => Some("the answer is empty and gives no total"),
        _ => listing.evidence.reason(),
    }
}

/// Evidence that no record moved past the place of reading.
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
            keyless: 0,
            pages: 1,
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
        assert!(!confirms(strong(&ten), &[99], strong(&ten[2..])), "two of ten at once are too many to be believed");
    }

    #[test]
    fn a_reading_is_held_to_all_that_were_before_it_and_not_to_the_last_alone() {
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
    fn a_record_made_again_under_its_old_key_is_not_the_one_that_the_first_reading_showed() {
        let mut again = weak(&[1, 2]);
        again.stable_sum += CREATED;
        assert!(!confirms(weak(&[1, 2]), &[9], again));
    }

    #[test]
    fn a_reading_that_shows_what_the_first_missed_makes_the_first_no_witness() {
        for reading in [strong, weak] {
            let mut confirmation = Confirmation::new(reading(&[1, 2]), vec![8, 9]);
            assert!(confirmation.adds(9, stable_hash(9)));
            assert!(!confirmation.has_shown_all());
            assert!(!confirmation.is_confirmed_by(reading(&[1, 2, 9])), "8 was missed by one witness");
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
        assert!(!confirms(says_nothing(), &[9], listing(Evidence::OnePage, &[])), "one witness is not two");
        assert!(confirms(listing(Evidence::OnePage, &[]), &[9], listing(Evidence::OnePage, &[])));
    }

    #[test]
    fn nothing_is_left_to_confirm_once_every_missing_record_was_shown() {
        let mut confirmation = Confirmation::new(weak(&[1]), vec![9]);
        assert!(confirmation.adds(9, stable_hash(9)));
        assert!(confirmation.has_shown_all());
    }
}
