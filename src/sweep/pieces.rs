//! Decides what the pieces of a list prove together, where the service shows only the first records of the whole. A piece
//! is the list with one value of a second parameter, such as a status. This file sees keys, totals and evidence; it
//! requests no page.
//!
//! A record may change its value while the pieces are read: to that of a piece that was read before. Then no piece shows
//! it, and a sum over the pieces may still be right, because another record changed the other way and was counted twice.
//! So distinct keys are counted, and a record in two pieces is a sign that values changed.
//!
//! The count must equal the total of the whole list, which is asked for after the last piece. This alone proves nothing
//! gone: a record that was counted and then deleted can stand for one that was missed. But such a record cannot come
//! again, so a list in pieces is always read twice before a record is gone, and the second reading must show every record
//! that the first one showed (see `confirm`). Then each of them existed before and after the moment of the total, so at
//! that moment; as many existed as were shown; so none that existed was missed.
//!
//! More records than the total are no proof either: then the total counts something else, or a record was counted and
//! deleted. Equal records beside each other count once, as by that argument one of them could stand for another record.

use std::collections::HashSet;

use super::page::{Evidence, Listing};
use crate::cloud::error::Error;

/// One reading of a list in pieces, as far as it has come.
pub(super) struct Pieces {
    /// What was shown of the list as a whole. Its keys become those of the pieces too.
    whole: Listing,
    /// The keys that the pieces have shown.
    in_pieces: HashSet<u64>,
    /// Records that a piece showed and another one before it.
    came_twice: u64,
    /// The first piece that is not complete, and why another reading would not help.
    unprovable: Option<String>,
    /// The first piece that moved.
    moved: Option<String>,
}

impl Pieces {
    /// `whole` is the beginning of the list, as far as the service shows it.
    pub(super) fn after(whole: Listing) -> Pieces {
        Pieces { whole, in_pieces: HashSet::new(), came_twice: 0, unprovable: None, moved: None }
    }

    /// Adds a record of a piece; true if this reading has not shown it before.
    pub(super) fn adds(&mut self, identity: u64, stable_hash: u64) -> bool {
        let is_added = self.whole.keys.insert(identity);
        if is_added {
            self.whole.stable_sum = self.whole.stable_sum.wrapping_add(stable_hash);
            self.whole.rows_read += 1;
        }
        is_added
    }

    /// Records that this reading has shown so far.
    pub(super) fn shown(&self) -> u64 {
        self.whole.keys.len() as u64
    }

    /// Records that the list should have.
    pub(super) fn expected(&self) -> Option<u64> {
        self.whole.total_last
    }

    /// A piece, such as `status=FAILED`, has been read to its end.
    pub(super) fn end_piece(&mut self, name: &str, piece: &Listing) {
        let twice = piece.keys.iter().filter(|key| !self.in_pieces.insert(**key)).count();
        self.came_twice += twice as u64;
        let Some(reason) = piece.evidence.reason() else { return };
        let first = match piece.evidence {
            Evidence::Moved(_) => &mut self.moved,
            _ => &mut self.unprovable,
        };
        first.get_or_insert_with(|| format!("the piece {name} is not complete: {reason}"));
    }

    /// The listing after a piece, or the last question for the total, that failed.
    pub(super) fn failed(self, what: &str, error: &Error) -> Listing {
        Listing { evidence: Evidence::Unprovable(format!("{what} failed: {error}")), ..self.whole }
    }

    /// The listing of all pieces. `total` is that of the whole list, asked for after the last piece.
    pub(super) fn into_listing(self, total: Option<u64>) -> Listing {
        let evidence = self.judge(total);
        let is_total_met = evidence == Evidence::Pieces;
        Listing { evidence, total_last: total.or(self.whole.total_last), is_total_met, ..self.whole }
    }

    fn judge(&self, total: Option<u64>) -> Evidence {
        let shown = self.shown();
        if let Some(reason) = &self.unprovable {
            return Evidence::Unprovable(reason.clone());
        }
        let (Some(first), Some(last)) = (self.whole.total_first, total) else {
            return Evidence::Unprovable(
                "the answers have no total, so the pieces may not be the whole list".to_owned(),
            );
        };
        if let Some(reason) = &self.moved {
            return Evidence::Moved(reason.clone());
        }
        if self.came_twice > 0 {
            return Evidence::Moved(format!("{} records were in two pieces of the list", self.came_twice));
        }
        if first != last {
            return Evidence::Moved(format!("the total moved from {first} to {last} while the pieces were read"));
        }
        match shown.cmp(&last) {
            std::cmp::Ordering::Equal => Evidence::Pieces,
            std::cmp::Ordering::Less => Evidence::Moved(format!(
                "the total is {last}, yet all pieces have {shown} distinct records: the catalog may lack a value to split \
                 by, or records changed theirs meanwhile"
            )),
            std::cmp::Ordering::Greater => Evidence::Moved(format!(
                "the total is {last}, yet {shown} distinct records were seen in the pieces: some were deleted meanwhile"
            )),
        }
    }
}
