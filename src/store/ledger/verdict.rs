//! The verdict of a sweep and the outcome of a run, as the ledger writes them. It does not decide either.

use std::fmt;

use duckdb::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::{Deserialize, Serialize};

/// The verdict of one sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was proved that every record was listed.
    Complete,
    /// The records listed are stored, and none is declared gone.
    Unproved,
    /// Nothing from it is stored.
    Failed,
}

/// The outcome of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every list is complete.
    Complete,
    /// Some lists failed, are unproved or were held back; the rest is stored.
    Partial,
    /// No list could be read. Nothing was stored, so it never appears in a ledger.
    Failed,
}

impl Verdict {
    pub(crate) const ALL: [Verdict; 3] = [Verdict::Complete, Verdict::Unproved, Verdict::Failed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Complete => "complete",
            Verdict::Unproved => "unproved",
            Verdict::Failed => "failed",
        }
    }
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 3] = [Outcome::Complete, Outcome::Partial, Outcome::Failed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Partial => "partial",
            Outcome::Failed => "failed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromSql for Verdict {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name).ok_or(FromSqlError::InvalidType)
    }
}

impl FromSql for Outcome {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name).ok_or(FromSqlError::InvalidType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_outcomes_are_read_from_the_names_that_they_are_written_by() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::column_result(ValueRef::Text(verdict.name().as_bytes())).ok(), Some(verdict));
            assert_eq!(serde_json::to_string(&verdict).unwrap(), format!("\"{verdict}\""));
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::column_result(ValueRef::Text(outcome.name().as_bytes())).ok(), Some(outcome));
            assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{outcome}\""));
        }
        assert!(Verdict::column_result(ValueRef::Text(b"partial")).is_err());
    }
}
