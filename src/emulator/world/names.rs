//! How a record of the emulated cloud is found again in a store: one text for each record, read from its JSON or asked for in
//! SQL. It is for tests that compare the two, and knows nothing of what a table holds.

use serde_json::Value;

use super::kinship::text_of;
use super::listing::ListId;
use crate::catalog::spec::{Column, Endpoint};
use crate::schema::ColumnType;

/// Names the records of one list.
#[derive(Debug)]
pub struct Names<'a> {
    endpoint: &'a Endpoint,
    /// The columns that tell the records of one listing apart, each with the one that is used where it is empty.
    columns: Vec<(&'a Column, Option<&'a Column>)>,
}

impl<'a> Names<'a> {
    /// By the list's key, or by all its texts where it has none.
    pub fn of(endpoint: &'a Endpoint) -> Names<'a> {
        let own = |name: &String| endpoint.column(name).filter(|column| !column.is_given());
        let of_key =
            endpoint.key.iter().filter_map(|part| Some((own(&part.column)?, part.fallback.as_ref().and_then(own))));
        let of_key: Vec<_> = of_key.collect();
        let is_text = |column: &&Column| column.ty == ColumnType::Text && !column.is_given();
        let texts = || endpoint.columns.iter().filter(is_text).map(|column| (column, None)).collect();
        Names { endpoint, columns: if of_key.is_empty() { texts() } else { of_key } }
    }

    /// Whether a record keeps its name whatever changes in it.
    pub fn are_of_a_key(&self) -> bool {
        !self.endpoint.columns.iter().any(Column::is_record_key)
    }

    /// The name of a record of a listing.
    pub fn name(&self, id: &ListId, record: &Value) -> String {
        let value = |column: &Column| text_of(column.path.iter().try_fold(record, |at, member| at.get(member))?);
        let mut parts = vec![id.project.clone(), id.fixed.clone().unwrap_or_default()];
        parts.extend(id.parent.iter().cloned());
        let own =
            self.columns.iter().map(|(column, other)| value(column).or_else(|| value((*other)?)).unwrap_or_default());
        parts.extend(own);
        parts.join("|")
    }

    /// The SQL expression of the same name over the list's table.
    pub fn sql(&self) -> String {
        let mut parts = vec!["_project".to_owned(), "split_part(_scope, '/', 3)".to_owned()];
        let filled = self.endpoint.parent.iter().flat_map(|parent| &parent.fill);
        parts.extend(filled.map(|filled| format!("\"{}\"", filled.name)));
        parts.extend(self.columns.iter().map(|(column, other)| match other {
            Some(other) => format!("coalesce(\"{}\", \"{}\")", column.name, other.name),
            None => format!("\"{}\"", column.name),
        }));
        let parts: Vec<String> = parts.iter().map(|part| format!("coalesce(CAST({part} AS VARCHAR), '')")).collect();
        format!("concat_ws('|', {})", parts.join(", "))
    }
}
