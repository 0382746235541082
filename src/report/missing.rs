//! The tables that a report needs and a store lacks, and what brings them there. It looks at no store.

use std::fmt;

use super::sets;

/// The tables that a report needs and the store lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Their names; at least one.
    pub tables: Vec<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tables.as_slice() {
            [one] => write!(f, "the store has no table {one}"),
            several => write!(f, "the store has no tables {}", several.join(", ")),
        }
    }
}

impl Missing {
    /// What brings the tables into the store.
    pub(super) fn hint(&self) -> String {
        match sets::of_all(&self.tables).as_slice() {
            [] | ["core"] => "`hclake sync` fetches the lists that reports are made of".to_owned(),
            sets => format!(
                "add {} to the setting `lists`, then run `hclake sync`; `hclake tables --available` shows what each set needs",
                sets.iter().map(|set| format!("\"{set}\"")).collect::<Vec<_>>().join(" and ")
            ),
        }
    }
}
