//! Decodes a list's pages of JSON records into Arrow batches. A record that cannot be decoded completely is reported
//! separately; it never affects the rest of its page, and no value is guessed or dropped.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;

use super::columns::{self, Column, Times};
use super::extra::{self, UnknownCounts, UnknownField};
use super::fault::{Fault, JsonPath, Located, PathStep};
use super::hash::RowHasher;
use super::key::{KeyColumns, given_json};
use super::object::Object;
use super::read::{self, Notes, push_raw};
use super::record_key::RecordKey;
use super::redaction::Redaction;
use super::scalars::{FutureCounter, TextColumn};
use super::zones::ZoneColumns;
use crate::base::clock::Timestamp;
use crate::base::time::FUTURE_TOLERANCE;
use crate::catalog::spec::{self, Endpoint, Given};
use crate::schema::arrow_schema;

/// Limit of one record as received: 4 MiB.
pub(crate) const RECORD_BYTES_MAX: usize = 4 << 20;

/// Limit of one page's records together, half of what Arrow's 32-bit offsets can address: 1 GiB.
pub(crate) const PAGE_BYTES_MAX: usize = 1 << 30;

/// Settings of a decoder that are not in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeSettings {
    /// Seconds east of UTC of the times that CodeArts writes without a zone.
    pub codearts_offset_s: i32,
}

/// The result of one page.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The good records in their order, with the schema of [`arrow_schema`].
    pub batch: RecordBatch,
    /// For each row of the batch, the index of its record in the page.
    pub good: Vec<u32>,
    pub bad: Vec<BadRow>,
    /// Members of good records that the catalog does not know; their values are in `extra`.
    pub(crate) unknown: Vec<UnknownField>,
    /// Instants in good records that lie more than [`FUTURE_TOLERANCE`] after now.
    pub(crate) future_instants: u64,
}

impl Decoded {
    /// The records of two pages as those of one; the indexes stay as they are.
    pub(crate) fn and(mut self, mut other: Decoded) -> Decoded {
        let batches = [&self.batch, &other.batch];
        self.batch = concat_batches(&self.batch.schema(), batches).expect("both have the list's schema");
        self.good.append(&mut other.good);
        self.bad.append(&mut other.bad);
        self.unknown.append(&mut other.unknown);
        self.future_instants += other.future_instants;
        self
    }
}

/// A record that is not in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Index of the record in the page.
    pub index: usize,
    /// What is wrong and where.
    pub reason: String,
}

/// Turns one list's records into batches. Reuse it for all pages of the list: it learns the order of members.
pub struct Decoder {
    schema: SchemaRef,
    object: Object,
    columns: Vec<Column>,
    extra: TextColumn,
    names: Vec<String>,
    key: Vec<KeyColumns>,
    /// Columns that are declared never to be NULL.
    required: Vec<usize>,
    /// Members that are left out on purpose.
    left_out: Redaction,
    /// The column for the key that is made where records have none.
    record_key: Option<(usize, RecordKey)>,
    /// Whether nothing of members that the catalog does not know is kept but their names.
    drops_unknown: bool,
    zones: ZoneColumns,
    /// Columns whose values the request gives, as JSON.
    given: Vec<(usize, String)>,
    hasher: RowHasher,
    page_bytes_max: usize,
}

impl Decoder {
    /// Prepares a decoder for the columns that the list declares.
    pub fn new(endpoint: &Endpoint, settings: DecodeSettings) -> Decoder {
        let position = |name: &str| endpoint.columns.iter().position(|column| column.name == name);
        let declared = || endpoint.columns.iter();
        let times = Times { codearts_offset_s: settings.codearts_offset_s, none: &endpoint.none_times };
        let record_key = declared().position(spec::Column::is_record_key).zip(RecordKey::of(endpoint));
        Decoder {
            schema: arrow_schema(&endpoint.stored_columns()),
            object: Object::of_paths(declared().map(|column| column.path.as_slice())),
            columns: declared().map(|column| Column::new(column, times)).collect(),
            extra: TextColumn::default(),
            names: declared().map(|column| column.name.clone()).collect(),
            key: KeyColumns::all(endpoint, position),
            required: declared().enumerate().filter(|(_, column)| !column.nullable).map(|(index, _)| index).collect(),
            left_out: Redaction::leaving_out(endpoint.left_out()),
            record_key,
            drops_unknown: endpoint.privacy.drops_unknown,
            zones: ZoneColumns::of(endpoint),
            given: Vec::new(),
            hasher: RowHasher::new(&endpoint.stored_columns()),
            page_bytes_max: PAGE_BYTES_MAX,
        }
    }

    /// Gives every record the values of its request.
    pub fn with_given(self, endpoint: &Endpoint, given: &Given) -> Decoder {
        let columns = endpoint.columns.iter().enumerate().filter(|(_, column)| column.is_given());
        let value =
            |(index, column): (usize, &spec::Column)| Some((index, given_json(&column.ty, given.get(&column.name)?)));
        Decoder { given: columns.filter_map(value).collect(), ..self }
    }

    /// The schema of every batch.
    #[cfg(test)]
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes one page's records, each a JSON object. `now` is for counting instants in the future.
    pub fn decode(&mut self, rows: &[&str], now: Timestamp) -> Decoded {
        // Readings are counted from one again.
        self.object.forget();
        let latest = Timestamp(now.0.saturating_add(FUTURE_TOLERANCE));
        let texts: Vec<_> = rows.iter().map(|row| self.left_out.applied_to(row)).collect();
        let mut notes = Notes::new(FutureCounter { latest, count: 0 });
        let mut good = Vec::with_capacity(rows.len());
        let mut bad = Vec::new();
        let mut unknown = UnknownCounts::default();
        let mut future_instants = 0;
        let mut bytes = 0;
        for (index, text) in (0..).zip(&texts) {
            let text = text.as_ref().map_err(|fault| Located::from(fault.clone()));
            match text.and_then(|text| self.row(text, bytes, &mut notes)) {
                Ok(taken) => {
                    bytes += taken;
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
        let unknown = unknown.finish(self.drops_unknown);
        Decoded { batch: self.finish(good.len()), good, bad, unknown, future_instants }
    }

    /// Adds one record to every column, and returns its bytes. After an error the columns have unequal lengths.
    fn row<'de>(&mut self, text: &'de str, bytes_before: usize, notes: &mut Notes<'de>) -> Result<usize, Located> {
        if text.len() > RECORD_BYTES_MAX {
            return Err(Fault::RecordLong { bytes: text.len(), limit: RECORD_BYTES_MAX }.into());
        }
        if bytes_before + text.len() > self.page_bytes_max {
            return Err(Fault::PageLong { limit: self.page_bytes_max }.into());
        }
        self.read(text, notes)?;
        self.fill_and_check(text, &mut notes.future)?;
        if notes.unknown.is_empty() || self.drops_unknown {
            self.extra.push_null();
        } else {
            self.extra.push_any_length(&extra::object(&notes.unknown)?);
        }
        Ok(text.len())
    }

    /// Reads numbers by value, which is fast. If that would lose digits, or a number does not fit a double, which the
    /// JSON reader calls an error, it reads the record again by digits.
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

    /// Fills missing columns with NULL, and checks the key and the columns that must not be NULL.
    fn fill_and_check(&mut self, text: &str, future: &mut FutureCounter) -> Result<(), Located> {
        let row = self.extra.len();
        if let Some((index, key)) = &self.record_key {
            self.columns[*index].push_text(&key.text(text)?, future)?;
        }
        for (index, value) in &self.given {
            let future = &mut FutureCounter { latest: Timestamp(i64::MAX), count: 0 };
            push_raw(&mut self.columns[*index], value, future)?;
        }
        for column in &mut self.columns {
            if column.len() == row {
                column.push_null();
            }
        }
        self.zones.settle(&mut self.columns, row, future)?;
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

    /// Truncates every column to the complete rows.
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
    fn records_over_a_pages_limit_in_bytes_are_reported_and_not_lost() {
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
