//! A page as a sweep holds it: its body, and where each record is. It does not know what the records say.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::page_budget::Reservation;

/// A page's body and the positions of its records.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    rows: Vec<Range<u32>>,
    /// Rows that held bytes which are not UTF-8, by rising index, with those bytes; their text has U+FFFD there.
    pub(super) garbled: Vec<(u32, String)>,
    /// Records skipped before this page.
    pub offset: u64,
    /// The cloud's id for the answer.
    pub(crate) request_id: Option<String>,
    /// Its share of the memory for pages, if that is limited.
    reservation: Option<Arc<Mutex<Reservation>>>,
}

impl Page {
    pub(super) fn new(body: Bytes, rows: Vec<Range<u32>>, garbled: Vec<(u32, String)>) -> Page {
        Page { body, rows, garbled, offset: 0, request_id: None, reservation: None }
    }

    /// The page with its place in the list and the cloud's id for the answer.
    pub fn named(self, offset: u64, request_id: Option<String>) -> Page {
        Page { offset, request_id, ..self }
    }

    /// The page with the memory that was reserved for it.
    pub(crate) fn with_reservation(self, mut reservation: Reservation) -> Page {
        reservation.arrived(self.body.len() as u64);
        Page { reservation: Some(Arc::new(Mutex::new(reservation))), ..self }
    }

    /// The page has been examined, and may wait for others.
    pub(crate) fn looked_at(self) -> Page {
        if let Some(reservation) = &self.reservation {
            reservation.lock().unwrap_or_else(PoisonError::into_inner).looked_at();
        }
        self
    }

    /// The record's JSON text as received.
    pub fn row(&self, index: u32) -> &str {
        let range = &self.rows[index as usize];
        let bytes = &self.body[range.start as usize..range.end as usize];
        std::str::from_utf8(bytes).expect("the record was read as text before")
    }

    /// The body, without what nothing may keep.
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Where in the body each record is.
    pub(crate) fn records(&self) -> &[Range<u32>] {
        &self.rows
    }

    /// Records that held bytes which are not UTF-8, with those bytes.
    pub(crate) fn all_lost(&self) -> &[(u32, String)] {
        &self.garbled
    }

    /// Hash of the record's text.
    pub(crate) fn content(&self, index: u32) -> u64 {
        xxh3_64(self.row(index).as_bytes())
    }

    /// The bytes that were not UTF-8 and are U+FFFD in the record's text, as hexadecimal digits.
    pub(crate) fn lost(&self, index: u32) -> Option<&str> {
        let place = self.garbled.binary_search_by_key(&index, |(row, _)| *row).ok()?;
        Some(&self.garbled[place].1)
    }
}
