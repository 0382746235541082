//! Columns of plain values: text, truth values, numbers, instants and elapsed times, in buffers that become Arrow
//! arrays. They know nothing of JSON.

use std::io::Write;
use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, PrimitiveArray, StringArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, Int64Type, TimestampMicrosecondType};

use super::fault::{Fault, Shown};
use super::numbers;
use crate::base::clock::Timestamp;
use crate::base::time::{self, TimeFault};
use crate::base::time_zone::TimeZone;
use crate::schema::{TimeForm, UTC, ZoneRule};

/// Limit of one text value: 1 MiB.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;

/// Counts the instants of one record after `latest`.
pub(super) struct FutureCounter {
    pub latest: Timestamp,
    pub count: u64,
}

/// Rows for which a column's first NULL allocates memory.
const VALIDITY_ROWS: usize = 128;

/// Which rows hold a value.
pub(super) struct Validity(NullBufferBuilder);

impl Default for Validity {
    fn default() -> Self {
        Validity(NullBufferBuilder::new(VALIDITY_ROWS))
    }
}

impl std::ops::Deref for Validity {
    type Target = NullBufferBuilder;

    fn deref(&self) -> &NullBufferBuilder {
        &self.0
    }
}

impl std::ops::DerefMut for Validity {
    fn deref_mut(&mut self) -> &mut NullBufferBuilder {
        &mut self.0
    }
}

/// Where each row's items end. The limit of a page's bytes keeps the number of items in range.
pub(super) struct Offsets(Vec<i32>);

impl Default for Offsets {
    fn default() -> Self {
        Offsets(vec![0])
    }
}

impl Offsets {
    pub(super) fn close(&mut self, items: usize) {
        self.0.push(i32::try_from(items).expect("a page's bytes are bounded well below 2 GiB"));
    }

    /// Number of items in the rows before `row`.
    pub(super) fn start(&self, row: usize) -> usize {
        usize::try_from(self.0[row]).expect("offsets are never negative")
    }

    /// Keeps `rows` rows; returns how many items are left.
    pub(super) fn truncate(&mut self, rows: usize) -> usize {
        self.0.truncate(rows + 1);
        self.start(rows)
    }

    pub(super) fn finish(&mut self) -> OffsetBuffer<i32> {
        let mut next = Vec::with_capacity(self.0.len());
        next.push(0);
        OffsetBuffer::new(ScalarBuffer::from(mem::replace(&mut self.0, next)))
    }
}

#[derive(Default)]
pub(super) struct TextColumn {
    offsets: Offsets,
    bytes: Vec<u8>,
    pub validity: Validity,
}

impl TextColumn {
    pub(super) fn len(&self) -> usize {
        self.validity.len()
    }

    pub(super) fn push(&mut self, text: &str) -> Result<(), Fault> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Fault::TextLong { bytes: text.len(), limit: TEXT_BYTES_MAX });
        }
        self.push_any_length(text);
        Ok(())
    }

    /// Adds text whose length is limited only by the record's.
    pub(super) fn push_any_length(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.close();
    }

    pub(super) fn push_integer(&mut self, value: i128) {
        write!(self.bytes, "{value}").expect("writing to memory does not fail");
        self.close();
    }

    pub(super) fn push_null(&mut self) {
        self.offsets.close(self.bytes.len());
        self.validity.append_null();
    }

    fn close(&mut self) {
        self.offsets.close(self.bytes.len());
        self.validity.append_non_null();
    }

    pub(super) fn text(&self, row: usize) -> &[u8] {
        &self.bytes[self.offsets.start(row)..self.offsets.start(row + 1)]
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        let bytes = self.offsets.truncate(rows);
        self.bytes.truncate(bytes);
        self.validity.truncate(rows);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let next = Vec::with_capacity(self.bytes.len());
        let bytes = mem::replace(&mut self.bytes, next);
        Arc::new(StringArray::new(self.offsets.finish(), bytes.into(), self.validity.finish()))
    }
}

pub(super) struct BoolColumn {
    values: BooleanBufferBuilder,
    pub validity: Validity,
}

impl Default for BoolColumn {
    fn default() -> Self {
        BoolColumn { values: BooleanBufferBuilder::new(0), validity: Validity::default() }
    }
}

impl BoolColumn {
    pub(super) fn push(&mut self, value: Option<bool>) {
        self.values.append(value.unwrap_or_default());
        self.validity.append(value.is_some());
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.validity.truncate(rows);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.validity.finish()))
    }
}

pub(super) struct PrimitiveColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    pub validity: Validity,
}

impl<T: ArrowPrimitiveType> Default for PrimitiveColumn<T> {
    fn default() -> Self {
        PrimitiveColumn { values: Vec::new(), validity: Validity::default() }
    }
}

impl<T: ArrowPrimitiveType> PrimitiveColumn<T> {
    pub(super) fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.validity.append(value.is_some());
    }

    /// The value of a row that is not NULL.
    pub(super) fn value(&self, row: usize) -> T::Native {
        self.values[row]
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.validity.truncate(rows);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.take())
    }

    fn take(&mut self) -> PrimitiveArray<T> {
        let next = Vec::with_capacity(self.values.len());
        let values = mem::replace(&mut self.values, next);
        PrimitiveArray::new(values.into(), self.validity.finish())
    }
}

pub(super) struct TimeColumn {
    form: TimeForm,
    assumed_offset_s: i32,
    /// Texts that stand for no time.
    none: Vec<String>,
    /// Whether the zone of a time without one stands elsewhere in the record.
    has_zone_elsewhere: bool,
    /// The time of the last row, until its zone is known.
    waiting: Option<String>,
    instants: PrimitiveColumn<TimestampMicrosecondType>,
}

impl TimeColumn {
    pub(super) fn new(form: TimeForm, codearts_offset_s: i32) -> Self {
        let assumed_offset_s = match form {
            TimeForm::Text { assumed: ZoneRule::Fixed(offset_s) } => offset_s,
            TimeForm::Text { assumed: ZoneRule::Codearts } => codearts_offset_s,
            TimeForm::EpochSeconds | TimeForm::EpochMillis => 0,
        };
        TimeColumn {
            form,
            assumed_offset_s,
            none: Vec::new(),
            has_zone_elsewhere: false,
            waiting: None,
            instants: PrimitiveColumn::default(),
        }
    }

    /// Reads these texts as no time.
    pub(super) fn add_none(&mut self, texts: &[String]) {
        self.none.extend_from_slice(texts);
    }

    /// Leaves times without a zone until [`TimeColumn::settle`].
    pub(super) fn expect_zone_elsewhere(&mut self) {
        self.has_zone_elsewhere = true;
    }

    /// The time of the last row whose zone is not known yet.
    pub(super) fn waiting(&self) -> Option<&str> {
        self.waiting.as_deref()
    }

    /// Reads the time of the last row in a zone.
    pub(super) fn settle(&mut self, zone: TimeZone, future: &mut FutureCounter) -> Result<(), Fault> {
        let Some(text) = self.waiting.take() else { return Ok(()) };
        let fault = |fault| Fault::Time(Shown::text(&text), fault);
        let local = time::parse_instant(&text, 0).map_err(fault)?;
        let local = local.to_datetime().ok_or_else(|| fault(TimeFault::Range))?;
        self.instants.truncate(self.instants.validity.len() - 1);
        self.push(zone.instant(local.naive_utc()), future);
        Ok(())
    }

    /// Whether the time is text with a date, not a number.
    pub(super) fn is_written(&self) -> bool {
        matches!(self.form, TimeForm::Text { .. })
    }

    pub(super) fn push_text(&mut self, text: &str, future: &mut FutureCounter) -> Result<(), Fault> {
        if text.is_empty() || self.none.iter().any(|none| none == text) {
            self.instants.push(None);
            return Ok(());
        }
        if !self.is_written() {
            let number = numbers::integer(text).ok_or_else(|| Fault::Value(Shown::text(text), "a time as a number"))?;
            return self.push_integer(number, future);
        }
        if self.has_zone_elsewhere && !time::is_zoned(text) {
            self.waiting = Some(text.to_owned());
            self.instants.push(None);
            return Ok(());
        }
        let instant = time::parse_instant(text, self.assumed_offset_s);
        self.push(instant.map_err(|fault| Fault::Time(Shown::text(text), fault))?, future);
        Ok(())
    }

    pub(super) fn push_integer(&mut self, value: i64, future: &mut FutureCounter) -> Result<(), Fault> {
        if !self.is_written() && !self.none.is_empty() && self.none.contains(&value.to_string()) {
            self.instants.push(None);
            return Ok(());
        }
        let instant = match self.form {
            TimeForm::EpochSeconds => time::from_epoch_seconds(value),
            TimeForm::EpochMillis => time::from_epoch_millis(value),
            TimeForm::Text { .. } => return Err(Fault::Kind { found: "a number", wanted: "a time as text" }),
        };
        self.push(instant.map_err(|fault| Fault::Time(Shown::number(&value.to_string()), fault))?, future);
        Ok(())
    }

    fn push(&mut self, instant: Timestamp, future: &mut FutureCounter) {
        future.count += u64::from(instant > future.latest);
        self.instants.push(Some(instant.0));
    }

    pub(super) fn validity(&self) -> &Validity {
        &self.instants.validity
    }

    pub(super) fn push_null(&mut self) {
        self.instants.push(None);
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.waiting = None;
        self.instants.truncate(rows);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.instants.take().with_timezone(UTC))
    }
}

/// The text of an elapsed time, and its seconds.
#[derive(Default)]
pub(super) struct ElapsedColumn {
    text: TextColumn,
    seconds: PrimitiveColumn<Int64Type>,
}

impl ElapsedColumn {
    /// The empty text has no seconds.
    pub(super) fn push(&mut self, text: &str) -> Result<(), Fault> {
        let seconds = match text {
            "" => None,
            _ => Some(time::parse_elapsed(text).map_err(|fault| Fault::Time(Shown::text(text), fault))?),
        };
        self.text.push(text)?;
        self.seconds.push(seconds);
        Ok(())
    }

    pub(super) fn validity(&self) -> &Validity {
        &self.text.validity
    }

    pub(super) fn push_null(&mut self) {
        self.text.push_null();
        self.seconds.push(None);
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.text.truncate(rows);
        self.seconds.truncate(rows);
    }

    pub(super) fn finish(&mut self) -> [ArrayRef; 2] {
        [self.text.finish(), self.seconds.finish()]
    }
}
