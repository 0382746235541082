//! Decides whether a listing is sorted by something that never changes while a record exists. It sees the values of a
//! few columns, row after row, and knows nothing of pages.

use std::cmp::Ordering;

/// Columns whose order is checked, the update time included.
pub(super) const ORDER_COLUMNS_MAX: usize = 4;

/// A value by which records may be sorted. Long text is compared by its first 16 bytes: two texts that start alike
/// count as equal, and so prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OrderValue {
    /// Microseconds since the epoch.
    Instant(i64),
    Number(u128),
    Text(u128),
}

impl OrderValue {
    /// The value's bits, changed by its kind so that equal bits of different kinds differ.
    pub(crate) fn bits(self) -> u128 {
        match self {
            OrderValue::Instant(micros) => micros as u128,
            OrderValue::Number(number) => !number,
            OrderValue::Text(head) => head.rotate_left(1) ^ 1,
        }
    }

    pub(crate) fn of_text(text: &str) -> OrderValue {
        let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let (true, Ok(number)) = (all_digits, text.parse()) {
            return OrderValue::Number(number);
        }
        let mut head = [0u8; 16];
        let length = text.len().min(head.len());
        head[..length].copy_from_slice(&text.as_bytes()[..length]);
        OrderValue::Text(u128::from_be_bytes(head))
    }
}

/// One row's values: first the columns that never change, then the update time if there is one.
pub(super) type OrderValues = [Option<OrderValue>; ORDER_COLUMNS_MAX];

/// Checks the order of a listing row by row.
#[derive(Clone, Debug)]
pub(super) struct OrderTracker {
    /// How many of the values never change.
    fixed: usize,
    has_updated: bool,
    last: Option<OrderValues>,
    last_updated: Option<OrderValue>,
    /// For each column: strictly rising, strictly falling so far.
    rising: [bool; ORDER_COLUMNS_MAX],
    falling: [bool; ORDER_COLUMNS_MAX],
    /// Sorted by the first column, and by the second among equal values: the four pairs of directions.
    pairs: [bool; 4],
    /// Whether the update time rose, and fell, from one row that has it to the next.
    updated_rose: bool,
    updated_fell: bool,
}

impl OrderTracker {
    /// Takes the number of columns that never change, at most three, and whether an update time follows them.
    pub(super) fn new(fixed: usize, has_updated: bool) -> Self {
        let fixed = fixed.min(ORDER_COLUMNS_MAX - 1);
        Self {
            fixed,
            has_updated,
            last: None,
            last_updated: None,
            rising: [true; ORDER_COLUMNS_MAX],
            falling: [true; ORDER_COLUMNS_MAX],
            pairs: [fixed >= 2; 4],
            updated_rose: false,
            updated_fell: false,
        }
    }

    /// Adds the rows of one page. Only neighbours within one answer are compared: two answers may show different
    /// moments.
    pub(super) fn see_page<'a>(&mut self, rows: impl Iterator<Item = &'a OrderValues>) {
        self.last = None;
        self.last_updated = None;
        rows.for_each(|values| self.see(values));
    }

    fn see(&mut self, values: &OrderValues) {
        if self.has_updated {
            self.see_updated(values[self.fixed]);
        }
        let Some(last) = self.last.replace(*values) else { return };
        let compared = |column: usize| Some(values[column]?.cmp(&last[column]?));
        for column in 0..self.fixed {
            self.rising[column] &= compared(column) == Some(Ordering::Greater);
            self.falling[column] &= compared(column) == Some(Ordering::Less);
        }
        for (pair, directions) in self.pairs.iter_mut().zip(PAIR_DIRECTIONS) {
            *pair &= match (compared(0), compared(1)) {
                (Some(Ordering::Equal), Some(second)) => second == directions.1,
                (Some(first), Some(_)) => first == directions.0,
                _ => false,
            };
        }
    }

    /// A row without an update time does not show where an order by update time would put it.
    fn see_updated(&mut self, updated: Option<OrderValue>) {
        let Some(updated) = updated else { return };
        if let Some(last) = self.last_updated.replace(updated) {
            self.updated_rose |= updated > last;
            self.updated_fell |= updated < last;
        }
    }

    /// Whether the values may belong to one record: those that never change are equal.
    pub(super) fn is_same(&self, one: &OrderValues, other: &OrderValues) -> bool {
        one[..self.fixed] == other[..self.fixed]
    }

    /// Whether the rows are sorted by something that never changes, and visibly not by the update time, which would
    /// move records during the listing. If the rows show no update time, they may be sorted by a hidden one, so nothing
    /// is proved.
    pub(super) fn is_proved(&self) -> bool {
        self.is_sorted() && self.updated_goes_both_ways()
    }

    fn is_sorted(&self) -> bool {
        (0..self.fixed).any(|c| self.rising[c] || self.falling[c]) || self.pairs.contains(&true)
    }

    fn updated_goes_both_ways(&self) -> bool {
        self.updated_rose && self.updated_fell
    }
}

const PAIR_DIRECTIONS: [(Ordering, Ordering); 4] = [
    (Ordering::Greater, Ordering::Greater),
    (Ordering::Greater, Ordering::Less),
    (Ordering::Less, Ordering::Greater),
    (Ordering::Less, Ordering::Less),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A negative number means a missing value.
    fn values(row: &[i64]) -> OrderValues {
        let mut values = [None; ORDER_COLUMNS_MAX];
        for (slot, value) in values.iter_mut().zip(row) {
            *slot = (*value >= 0).then_some(OrderValue::Instant(*value));
        }
        values
    }

    fn tracked(fixed: usize, updated: bool, rows: &[&[i64]]) -> OrderTracker {
        let mut tracker = OrderTracker::new(fixed, updated);
        let rows: Vec<OrderValues> = rows.iter().map(|row| values(row)).collect();
        tracker.see_page(rows.iter());
        tracker
    }

    fn sorted(fixed: usize, rows: &[&[i64]]) -> bool {
        tracked(fixed, false, rows).is_sorted()
    }

    fn proved(fixed: usize, updated: bool, rows: &[&[i64]]) -> bool {
        tracked(fixed, updated, rows).is_proved()
    }

    #[test]
    fn rising_or_falling_by_a_column_that_never_changes_is_an_order() {
        assert!(sorted(1, &[&[1], &[2], &[3]]));
        assert!(sorted(1, &[&[3], &[2], &[1]]));
        assert!(!sorted(1, &[&[1], &[3], &[2]]));
    }

    #[test]
    fn ties_are_no_order_unless_a_second_column_breaks_them() {
        assert!(!sorted(1, &[&[1], &[1], &[2]]));
        assert!(sorted(2, &[&[1, 5], &[1, 6], &[2, 1]]));
        assert!(sorted(2, &[&[2, 6], &[1, 9], &[1, 8]]));
        assert!(!sorted(2, &[&[1, 5], &[1, 6], &[1, 4], &[2, 2], &[2, 3]]));
    }

    #[test]
    fn an_order_that_the_update_time_shares_proves_nothing() {
        assert!(!proved(1, true, &[&[1, 10], &[2, 20], &[3, 30]]));
        assert!(proved(1, true, &[&[1, 30], &[2, 20], &[3, 40]]));
    }

    #[test]
    fn an_order_that_a_hidden_update_time_may_share_proves_nothing() {
        assert!(!proved(1, false, &[&[1], &[2], &[3]]));
    }

    #[test]
    fn a_missing_update_time_does_not_hide_that_the_others_are_in_order() {
        assert!(!proved(1, true, &[&[1, 10], &[2, -1], &[3, 30]]));
        assert!(!proved(1, true, &[&[1, -1], &[2, -1], &[3, -1]]));
        assert!(proved(1, true, &[&[1, 30], &[2, -1], &[3, 20], &[4, 40]]));
    }

    #[test]
    fn rows_of_different_pages_are_not_compared() {
        let mut tracker = OrderTracker::new(1, false);
        for page in [[1, 4], [3, 5]] {
            tracker.see_page(page.map(|value| values(&[value])).iter());
        }
        assert!(tracker.is_sorted());
        tracker.see_page([6, 5].map(|value| values(&[value])).iter());
        assert!(!tracker.is_sorted());
    }

    #[test]
    fn a_missing_value_is_no_order() {
        assert!(!sorted(1, &[&[1], &[-1], &[3]]));
        assert!(!sorted(0, &[&[], &[]]));
    }

    #[test]
    fn numbers_in_text_sort_as_numbers() {
        assert!(OrderValue::of_text("9") < OrderValue::of_text("10"));
        assert!(OrderValue::of_text("a9") > OrderValue::of_text("a10"));
    }
}
