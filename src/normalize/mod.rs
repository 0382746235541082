//! JSON records to Arrow batches by a catalog entry's columns: bad records are separated with a reason, unknown members
//! are kept in `extra`, and each row gets a hash. Keys can also be read without the rest of a record. It knows nothing
//! of where records come from and where batches go.
//!
//! Start with [`Decoder`]; `read` reads one record, `columns` and `scalars` hold its values, `extra` the unknown members.
//! Before all of them, `redaction` takes out of a record's text what may not be kept.

mod columns;
mod decode;
mod extra;
mod fault;
pub(crate) mod hash;
mod key;
mod members;
mod numbers;
mod object;
mod probe;
mod raw;
mod read;
mod record_key;
mod redaction;
mod scalars;
mod zones;

#[cfg(test)]
mod tests;

pub(crate) use decode::Decoded;
pub use decode::{DecodeSettings, Decoder};
pub(crate) use extra::{OTHERS, UNKNOWN_NAMES_MAX, UnknownField};
pub(crate) use key::{KeyReader, KeyScan};
pub(crate) use redaction::Redaction;
