//! JSON records to Arrow batches by a catalog entry's columns: bad records kept apart with a reason, unknown members
//! kept in `extra`, a hash of what was kept; and the keys of records alone. It knows nothing of where records come from and where batches go.
//!
//! Start with [`Decoder`]; `read` walks one record, `columns` and `scalars` hold what it read, `extra` what no column took.

mod columns;
mod decode;
mod extra;
mod fault;
pub mod hash;
mod key;
mod members;
mod numbers;
mod object;
mod probe;
mod raw;
mod read;
mod scalars;

#[cfg(test)]
mod tests;

pub use decode::{BadRow, DecodeSettings, Decoded, Decoder, PAGE_BYTES_MAX, RECORD_BYTES_MAX};
pub use extra::{DEPTH_MAX, OTHERS, SAMPLE_BYTES_MAX, UNKNOWN_NAMES_MAX, UnknownField};
pub use hash::HASH_VERSION;
pub use key::{KeyReader, KeyScan};
pub use scalars::TEXT_BYTES_MAX;
