//! How columns share a line that is too short for all of them: text is cut, identifiers before names; numbers are never
//! cut. A pure function of widths; it knows nothing of what the columns hold.

use crate::base::time_zone::TimeZone;

/// Terminal columns between two columns here.
const GAP: u32 = 1;
/// A text is not cut to fewer terminal columns than this.
const TEXT_MIN: u16 = 8;
/// Enough of an identifier to recognise it, and the sign that it is cut.
const IDENTIFIER_MIN: u16 = 9;
/// The least width of a name where columns may be left out instead.
const NAME_MIN: u16 = 20;

/// What happens to a table that is too wide even with its text cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wide {
    /// Each row becomes a block of lines.
    #[default]
    Blocks,
    /// The first columns are shown, and the others are left out.
    FirstColumns,
    /// The first columns are shown, with texts that are not cut, and the others are left out.
    FirstWhole,
}

/// What a table must fit into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fit {
    /// In terminal columns; without it nothing is cut.
    pub width: Option<u16>,
    pub wide: Wide,
    /// In which instants are shown.
    pub zone: TimeZone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Never cut: a number or an instant.
    Whole,
    /// Recognised by its beginning.
    Identifier,
    Text,
}

/// Widths in terminal columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub natural: u16,
    pub least: u16,
    pub kind: Kind,
}

/// The fewest terminal columns that a column of this kind is cut to.
pub(super) fn least(kind: Kind, wide: Wide) -> u16 {
    match (kind, wide) {
        (Kind::Identifier, _) => IDENTIFIER_MIN,
        (Kind::Text, Wide::FirstColumns) => NAME_MIN,
        (Kind::Text, Wide::FirstWhole) => u16::MAX,
        _ => TEXT_MIN,
    }
}

/// How many of the columns, from the first on, fit.
pub(super) fn fitting(columns: &[Column], width: u16) -> usize {
    let mut used = 0;
    columns
        .iter()
        .enumerate()
        .take_while(|(index, column)| {
            used += u32::from(column.least) + if *index == 0 { 0 } else { GAP };
            used <= u32::from(width)
        })
        .count()
}

/// The width of each column: its least, plus as much as it can use of what is left, texts first, then identifiers.
pub(super) fn widths(columns: &[Column], width: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| column.least).collect();
    let least = widths.iter().copied().map(u32::from).sum::<u32>() + GAP * columns.len().saturating_sub(1) as u32;
    let mut left = u32::from(width).saturating_sub(least);
    for kind in [Kind::Text, Kind::Identifier] {
        loop {
            let open: Vec<usize> = (0..columns.len())
                .filter(|index| columns[*index].kind == kind && widths[*index] < columns[*index].natural)
                .collect();
            if open.is_empty() || left == 0 {
                break;
            }
            let share = (left / open.len() as u32).max(1);
            for index in open {
                let more = share.min(left).min(u32::from(columns[index].natural - widths[index]));
                widths[index] += more as u16;
                left -= more;
            }
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(kind: Kind, natural: u16) -> Column {
        let least = if kind == Kind::Whole { natural } else { natural.min(TEXT_MIN) };
        Column { natural, least, kind }
    }

    #[test]
    fn identifiers_are_cut_before_names() {
        let columns = [column(Kind::Text, 30), column(Kind::Identifier, 36), column(Kind::Whole, 6)];
        assert_eq!(widths(&columns, 74), [30, 36, 6]);
        assert_eq!(widths(&columns, 60), [30, 22, 6]);
        assert_eq!(widths(&columns, 40), [24, 8, 6]);
    }

    #[test]
    fn the_first_columns_that_fit_are_counted_with_their_gaps() {
        let columns = [column(Kind::Text, 8), column(Kind::Whole, 4), column(Kind::Whole, 4)];
        assert_eq!([7, 8, 12, 13, 17, 18].map(|width| fitting(&columns, width)), [0, 1, 1, 2, 2, 3]);
    }

    proptest! {
        #[test]
        fn no_column_is_wider_than_needed_or_too_narrow_and_the_whole_line_is_used(
            given in prop::collection::vec((0u8..3, 1u16..60), 1..8), width in 1u16..200
        ) {
            let kinds = [Kind::Whole, Kind::Identifier, Kind::Text];
            let columns: Vec<Column> = given.iter().map(|(kind, natural)| column(kinds[usize::from(*kind)], *natural)).collect();
            let shares = widths(&columns, width);
            for (column, share) in columns.iter().zip(&shares) {
                prop_assert!((column.least..=column.natural).contains(share));
            }
            if fitting(&columns, width) == columns.len() {
                let used = shares.iter().copied().map(u32::from).sum::<u32>() + GAP * (columns.len() - 1) as u32;
                let is_whole = columns.iter().zip(&shares).all(|(column, share)| column.natural == *share);
                prop_assert!(used == u32::from(width) || is_whole && used < u32::from(width));
            }
        }
    }
}
