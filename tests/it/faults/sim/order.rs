//! The orders of the model cloud's lists: orders that never change, orders that move a record when it changes, and no order
//! at all. It knows records, and no pages.

use fastrand::Rng;

use super::cloud::{MOMENT, Record};

/// Records of these many moments share a tie, a second, a day.
const TIE: i64 = 5 * MOMENT;
const SECOND: i64 = 3 * MOMENT;
const DAY: i64 = 40 * MOMENT;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sorting {
    Creation,
    /// Records made at almost the same time come in any sequence, which may differ in each answer.
    CreationTied,
    Update,
    UpdateTied,
    /// By the day of the update, then by creation.
    UpdateDay,
    /// By the second of the update, then by id.
    UpdateSecond,
    Status,
    Id,
    /// By nothing: shuffled sometimes.
    Random,
    /// By creation, answered by two servers, of which one lags behind.
    ReplicaLag,
    /// By a time of change that no record shows.
    HiddenChange,
    /// By a weight that no record shows and that each change draws again.
    HiddenWeight,
    /// By update, records without one at the end.
    NullsLast,
}

impl Sorting {
    pub const ALL: [Sorting; 13] = [
        Sorting::Creation,
        Sorting::CreationTied,
        Sorting::Update,
        Sorting::UpdateTied,
        Sorting::UpdateDay,
        Sorting::UpdateSecond,
        Sorting::Status,
        Sorting::Id,
        Sorting::Random,
        Sorting::ReplicaLag,
        Sorting::HiddenChange,
        Sorting::HiddenWeight,
        Sorting::NullsLast,
    ];

    /// Whether a record keeps its place for life, and every answer shows it there.
    pub fn is_fixed(self) -> bool {
        matches!(self, Sorting::Creation | Sorting::Id)
    }

    /// Whether a marker can name a place in the order, so that a list can continue from it.
    pub fn has_places(self) -> bool {
        !matches!(self, Sorting::Random | Sorting::ReplicaLag | Sorting::CreationTied | Sorting::UpdateTied)
    }

    /// The place of a record, as numbers to compare.
    pub fn place(self, record: &Record, is_falling: bool) -> [i64; 3] {
        let key = i64::from(record.key);
        let place = match self {
            Sorting::Creation | Sorting::ReplicaLag => [record.created, key, 0],
            Sorting::CreationTied => [record.created / TIE, 0, 0],
            Sorting::Update => [record.updated, key, 0],
            Sorting::UpdateTied => [record.updated / TIE, 0, 0],
            Sorting::UpdateDay => [record.updated / DAY, record.created, key],
            Sorting::UpdateSecond => [record.updated / SECOND, key, 0],
            Sorting::Status => [i64::from(record.state % 4), record.created, key],
            Sorting::Id => [key, 0, 0],
            Sorting::Random => [0, 0, 0],
            Sorting::HiddenChange => [record.changed, key, 0],
            Sorting::HiddenWeight => [record.weight, key, 0],
            Sorting::NullsLast => [record.updated, key, 0],
        };
        let turned = if is_falling { place.map(|part| -part) } else { place };
        let is_null = self == Sorting::NullsLast && !record.shows_update();
        if is_null { [i64::MAX, turned[1], turned[2]] } else { turned }
    }

    pub fn sort(self, records: &mut [Record], is_falling: bool, moves: bool, rng: &mut Rng) {
        match self {
            Sorting::Random => {
                if moves && rng.u8(..8) == 0 {
                    rng.shuffle(records);
                }
            }
            Sorting::CreationTied | Sorting::UpdateTied => {
                if moves && rng.u8(..4) == 0 {
                    rng.shuffle(records);
                } else {
                    records.sort_by_key(|record| record.key.wrapping_mul(2_654_435_761));
                }
                records.sort_by_key(|record| self.place(record, is_falling));
            }
            _ => records.sort_by_key(|record| self.place(record, is_falling)),
        }
    }
}
