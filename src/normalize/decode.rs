//! One decoder a list: pages of JSON records in, Arrow batches out. A record that cannot be kept whole is kept apart
//! and named; it never spoils its page, and nothing of it is guessed or dropped.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::columns::{self, Column};
use super::extra::{self, UnknownCounts, UnknownField};
use super::fault::{Fault, JsonPath, Located, PathStep};
use super::hash::RowHasher;
use super::key::KeyColumns;
use super::object::Object;
use super::read::{self, Notes};
use super::scalars::{FutureCounter, TextColumn};
use crate::base::clock::Timestamp;
use crate::base::time::FUTURE_TOLERANCE;
use crate::catalog::spec::Endpoint;
use crate::schema::arrow_schema;

/// Bytes of one record as it came: 4 MiB.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// Bytes of one page's records together, half of what Arrow's 32-bit offsets can address: 1 GiB.
pub const PAGE_BYTES_MAX: usize = 1 << 30;

/// What a decoder needs to know that the catalog does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeSettings {
    /// Seconds east of UTC of the times that CodeArts writes without a zone.
    pub codearts_offset_s: i32,
}

/// What came of one page.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The good records in their order, by [`arrow_schema`].
    pub batch: RecordBatch,
    /// For each row of the batch, which record of the page it is.
    pub good: Vec<u32>,
    pub bad: Vec<BadRow>,
    /// Members of good records that the catalog does not know; their values are in `extra`.
    pub unknown: Vec<UnknownField>,
    /// Instants in good records that lie more than [`FUTURE_TOLERANCE`] after now.
    pub future_instants: u64,
}

/// A record that is not in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Which record of the page.
    pub index: usize,
    /// What is wrong and where, as one sentence.
    pub reason: String,
}

/// Turns one list's records into batches. To be reused for all pages of the list: it learns their members' order.
pub struct Decoder {
    schema: SchemaRef,
    object: Object,
    columns: Vec<Column>,
    extra: TextColumn,
    names: Vec<String>,
    key: Vec<KeyColumns>,
    /// Columns that are declared never to be NULL.
    required: Vec<usize>,
    hasher: RowHasher,
    page_bytes_max: usize,
}

impl Decoder {
    pub fn new(endpoint: &Endpoint, settings: DecodeSettings) -> Decoder {
        let position = |name: &str| endpoint.columns.iter().position(|column| column.name == name);
        let declared = || endpoint.columns.iter();
        Decoder {
            schema: arrow_schema(&endpoint.stored_columns()),
            object: Object::of_paths(declared().map(|column| column.path.as_slice())),
            columns: declared().map(|column| Column::new(&column.ty, settings.codearts_offset_s)).collect(),
            extra: TextColumn::default(),
            names: declared().map(|column| column.name.clone()).collect(),
            key: KeyColumns::all(endpoint, position),
            required: declared().enumerate().filter(|(_, column)| !column.nullable).map(|(index, _)| index).collect(),
            hasher: RowHasher::new(&endpoint.stored_columns()),
            page_bytes_max: PAGE_BYTES_MAX,
        }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes one page's records, each a JSON object. `now` tells which instants lie in the future.
    pub fn decode(&mut self, rows: &[&str], now: Timestamp) -> Decoded {
        let latest = Timestamp(now.0.saturating_add(FUTURE_TOLERANCE));
        let mut notes = Notes::new(FutureCounter { latest, count: 0 });
        let mut good = Vec::with_capacity(rows.len());
        let mut bad = Vec::new();
        let mut unknown = UnknownCounts::default();
        let mut future_instants = 0;
        let mut bytes = 0;
        for (index, text) in (0..).zip(rows) {
            match self.row(text, bytes, &mut notes) {
                Ok(()) => {
                    bytes += text.len();
                    unknown.count(&notes.unknown);
                    future_instants += notes.future.count;
                    good.push(index);
                }
                Err(located) => {
                    self.roll_back();
                    bad.push(BadRow { index: index as usize, reason: located.to_string() });
                }
            }
        }
        Decoded { batch: self.finish(good.len()), good, bad, unknown: unknown.finish(), future_instants }
    }

    /// Adds one record to every column, or fails with the columns ragged.
    fn row<'de>(&mut self, text: &'de str, bytes_before: usize, notes: &mut Notes<'de>) -> Result<(), Located> {
        if text.len() > RECORD_BYTES_MAX {
            return Err(Fault::RecordLong { bytes: text.len(), limit: RECORD_BYTES_MAX }.into());
        }
        if bytes_before + text.len() > self.page_bytes_max {
            return Err(Fault::PageLong { limit: self.page_bytes_max }.into());
        }
        self.read(text, notes)?;
        self.fill_and_check()?;
        if notes.unknown.is_empty() {
            self.extra.push_null();
        } else {
            self.extra.push_any_length(&extra::object(&notes.unknown)?);
        }
        Ok(())
    }

    /// Reads numbers by value, which is quick, and the record once more by digits where a value would not do or
    /// passes what a double can hold, which the JSON reader calls an error.
    fn read<'de>(&mut self, text: &'de str, notes: &mut Notes<'de>) -> Result<(), Located> {
        let rows = self.extra.len();
        notes.begin(false);
        match read::record(text, &mut self.object, &mut self.columns, rows, notes) {
            Err(Located { fault: Fault::DigitsNeeded | Fault::Json(_), .. }) => {
                self.roll_back();
                notes.begin(true);
                read::record(text, &mut self.object, &mut self.columns, rows, notes)
            }
            outcome => outcome,
        }
    }

    /// The columns that did not come are NULL; some may not be.
    fn fill_and_check(&mut self) -> Result<(), Located> {
        let row = self.extra.len();
        for column in &mut self.columns {
            if column.len() == row {
                column.push_null();
            }
        }
        if let Some(part) = self.key.iter().find(|part| part.chosen(&self.columns, row).is_none()) {
            let names = part.columns().map(|index| self.names[index].as_str()).collect::<Vec<_>>();
            return Err(Fault::NoKey(names.join(", else ")).into());
        }
        match self.required.iter().find(|index| self.columns[**index].is_null(row)) {
            None => Ok(()),
            Some(index) => {
                let place = JsonPath::of(PathStep::Member(self.names[*index].clone()));
                Err(Located { place, fault: Fault::Null })
            }
        }
    }

    /// Cuts every column back to the rows that are whole.
    fn roll_back(&mut self) {
        let rows = self.extra.len();
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    fn finish(&mut self, rows: usize) -> RecordBatch {
        let mut arrays: Vec<ArrayRef> = columns::finish_all(&mut self.columns);
        arrays.push(self.extra.finish());
        let hashes = self.hasher.hash(&arrays, rows);
        arrays.push(Arc::new(hashes));
        RecordBatch::try_new(self.schema.clone(), arrays).expect("the columns follow the schema")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn records_past_a_pages_limit_in_bytes_are_named_and_not_lost() {
        let catalog = Catalog::builtin().unwrap();
        let endpoint = catalog.get("app_install_jobs").unwrap();
        let mut decoder = Decoder::new(endpoint, DecodeSettings { codearts_offset_s: 0 });
        decoder.page_bytes_max = 25;
        let decoded = decoder.decode(&[r#"{"id":"1"}"#, r#"{"id":"2","x":"long"}"#, r#"{"id":"3"}"#], Timestamp(0));
        assert_eq!(decoded.good, [0, 2]);
        let reason = "with this record the page would pass the limit of 25 bytes";
        assert_eq!(decoded.bad, [BadRow { index: 1, reason: reason.to_owned() }]);
    }
}
