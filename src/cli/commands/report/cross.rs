//! Folds the rows of an answer into a cross table: a row for each value of one column, a column for each value of another,
//! in the order in which they come. It knows nothing of what they mean.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{ByteArrayType, Field, Schema, Utf8Type};
use arrow::error::ArrowError;

use crate::report::ReportResult;
use crate::report::header::{Cross, Note};

struct Row {
    name: Option<String>,
    cells: HashMap<usize, Option<String>>,
}

/// Two rows with the same name and a cell in the same column stay two rows.
pub(super) fn crossed(result: &ReportResult, cross: &Cross) -> Result<ReportResult, ArrowError> {
    let (names, headings, cells) =
        (texts(result, &cross.row)?, texts(result, &cross.column)?, texts(result, &cross.cell)?);
    let mut columns: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut rows: Vec<Row> = Vec::new();
    let mut newest: HashMap<Option<String>, usize> = HashMap::new();
    for ((name, heading), cell) in names.into_iter().zip(headings).zip(cells) {
        let heading = heading.unwrap_or_default();
        let place = *places.entry(heading.clone()).or_insert_with(|| {
            columns.push(heading);
            columns.len() - 1
        });
        match newest.get(&name).filter(|at| !rows[**at].cells.contains_key(&place)) {
            Some(at) => rows[*at].cells.insert(place, cell),
            None => {
                newest.insert(name.clone(), rows.len());
                rows.push(Row { name, cells: HashMap::from([(place, cell)]) });
                None
            }
        };
    }
    let field = |name: &str| Field::new(name, Utf8Type::DATA_TYPE, true);
    let fields: Vec<Field> = std::iter::once(field(&cross.row)).chain(columns.iter().map(|name| field(name))).collect();
    let names: StringArray = rows.iter().map(|row| row.name.clone()).collect();
    let cells = |place: usize| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row.cells.get(&place).cloned().flatten()).collect::<StringArray>())
    };
    let values = std::iter::once(Arc::new(names) as ArrayRef).chain((0..columns.len()).map(cells)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = vec![RecordBatch::try_new(Arc::clone(&schema), values)?];
    Ok(ReportResult { schema, batches, notes: notes(result, cross), ..result.clone() })
}

fn texts(result: &ReportResult, column: &str) -> Result<Vec<Option<String>>, ArrowError> {
    let at = result.schema.index_of(column)?;
    let mut texts = Vec::new();
    for batch in &result.batches {
        let values = cast(batch.column(at), &Utf8Type::DATA_TYPE)?;
        texts.extend(values.as_string::<i32>().iter().map(|text| text.map(str::to_owned)));
    }
    Ok(texts)
}

/// What is said of the cells and the headings concerns the whole table.
fn notes(result: &ReportResult, cross: &Cross) -> Vec<Note> {
    let concerns_all = |note: &Note| note.columns.contains(&cross.cell) || note.columns.contains(&cross.column);
    let notes = result.notes.iter().cloned();
    notes.map(|note| if concerns_all(&note) { Note { columns: Vec::new(), ..note } } else { note }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Layout;

    type Cells = [Option<&'static str>; 3];

    fn folded(cells: &[Cells]) -> (Vec<String>, Vec<Vec<Option<String>>>) {
        let column = |at: usize| Arc::new(cells.iter().map(|row| row[at]).collect::<StringArray>()) as ArrayRef;
        let field = |name| Field::new(name, Utf8Type::DATA_TYPE, true);
        let schema = Arc::new(Schema::new(vec![field("app"), field("week"), field("rate")]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), (0..3).map(column).collect()).unwrap();
        let cross = Cross { row: "app".to_owned(), column: "week".to_owned(), cell: "rate".to_owned() };
        let of_cells = |column: &str| Note { columns: vec![column.to_owned()], text: column.to_owned() };
        let notes = vec![of_cells("rate"), of_cells("other")];
        let rows_found = cells.len();
        let layout = Layout::default();
        let result = ReportResult { schema, batches: vec![batch], notes, as_of: None, rows_found, layout };
        let folded = crossed(&result, &cross).unwrap();
        let concerned: Vec<usize> = folded.notes.iter().map(|note| note.columns.len()).collect();
        assert_eq!(concerned, [0, 1]);
        let names = folded.schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let columns = names.iter().map(|name| texts(&folded, name).unwrap()).collect();
        (names, columns)
    }

    fn owned(texts: &[Option<&str>]) -> Vec<Option<String>> {
        texts.iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn rows_and_columns_come_in_their_order_and_what_is_missing_is_empty() {
        let (names, columns) = folded(&[
            [Some("b"), Some("1"), Some("b1")],
            [Some("b"), Some("3"), Some("b3")],
            [Some("a"), Some("2"), Some("a2")],
            [None, Some("1"), Some("n1")],
            [Some("b"), Some("2"), None],
        ]);
        assert_eq!(names, ["app", "1", "3", "2"]);
        assert_eq!(columns[0], owned(&[Some("b"), Some("a"), None]));
        assert_eq!(columns[1], owned(&[Some("b1"), None, Some("n1")]));
        assert_eq!(columns[2], owned(&[Some("b3"), None, None]));
        assert_eq!(columns[3], owned(&[None, Some("a2"), None]));
    }

    #[test]
    fn no_cell_is_lost_where_two_rows_have_one_name() {
        let (_, columns) = folded(&[
            [Some("a"), Some("1"), Some("first")],
            [Some("a"), Some("2"), Some("of the first")],
            [Some("a"), Some("1"), None],
            [Some("a"), Some("2"), Some("of the second")],
            [Some("a"), Some("1"), Some("third")],
        ]);
        assert_eq!(columns[0], owned(&[Some("a"); 3]));
        assert_eq!(columns[1], owned(&[Some("first"), None, Some("third")]));
        assert_eq!(columns[2], owned(&[Some("of the first"), Some("of the second"), None]));
    }
}
