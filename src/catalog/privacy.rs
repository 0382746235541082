//! What is done with each column of a list by what the settings say of personal data. It changes no record.

use super::spec::{Column, Endpoint};
use crate::base::privacy::{Personal, Privacy};

impl Endpoint {
    /// The list, treated so. A column of which nothing is kept may be NULL.
    pub(crate) fn with_privacy(self, privacy: Privacy) -> Endpoint {
        let mut endpoint = Endpoint { privacy, ..self };
        let dropped: Vec<bool> =
            endpoint.columns.iter().map(|column| endpoint.done_with(column) == Personal::Drop).collect();
        for (column, is_dropped) in endpoint.columns.iter_mut().zip(dropped) {
            column.nullable |= is_dropped;
        }
        endpoint
    }

    /// What is done with a column's values: a hash is text, and would fit no other type.
    pub(crate) fn done_with(&self, column: &Column) -> Personal {
        match self.privacy.personal {
            _ if !column.personal || column.is_given() => Personal::Keep,
            Personal::Hash if self.privacy.key.is_none() || !column.ty.holds_texts() => Personal::Drop,
            personal => personal,
        }
    }

    /// The columns with personal data, in the table's order.
    pub(crate) fn personal_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.personal && !column.is_given())
    }

    /// Whether the records have no key but their content.
    pub(crate) fn is_known_by_content(&self) -> bool {
        self.columns.iter().any(Column::is_record_key)
    }
}
